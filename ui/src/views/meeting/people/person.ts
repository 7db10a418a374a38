/** What can be done with a person of the list: the lines of their menu. */

import ArrowRightLeft from '@lucide/svelte/icons/arrow-right-left';
import Hand from '@lucide/svelte/icons/hand';
import Mic from '@lucide/svelte/icons/mic';
import MicOff from '@lucide/svelte/icons/mic-off';
import MonitorOff from '@lucide/svelte/icons/monitor-off';
import MonitorUp from '@lucide/svelte/icons/monitor-up';
import Pencil from '@lucide/svelte/icons/pencil';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import Star from '@lucide/svelte/icons/star';
import StarOff from '@lucide/svelte/icons/star-off';
import UserCog from '@lucide/svelte/icons/user-cog';
import UserX from '@lucide/svelte/icons/user-x';
import VideoOff from '@lucide/svelte/icons/video-off';
import Volume2 from '@lucide/svelte/icons/volume-2';
import { mayIn } from '../../../model/permission';
import type { Person } from '../../../model/roster';
import { pin, unpin } from '../../../model/stage';
import type { MenuItem } from '../../../parts/menu';
import { text } from '../../../text/en';
import type { Role } from '../../../wire';
import type { Session } from '../../session.svelte';

const ROLES: readonly Role[] = ['host', 'co_host', 'presenter', 'participant', 'observer'];

export function personItems(session: Session, person: Person, showVolume: () => void): MenuItem[] {
  const own = forMe(session, person, showVolume);
  const hosts = person.isYou || !session.may('moderate') ? [] : forHosts(session, person);
  return [...own, ...hosts.map((item, at) => (at === 0 ? { ...item, divided: true } : item))];
}

function forMe(session: Session, person: Person, showVolume: () => void): MenuItem[] {
  const pinned = session.state.stage.pins.includes(person.id);
  const change = pinned ? unpin : pin;
  const items: MenuItem[] = [
    {
      id: 'pin',
      label: pinned ? text.people.unpin : text.people.pin,
      icon: pinned ? PinOff : Pin,
      choose: () => session.change((now) => ({ ...now, stage: change(now.stage, person.id) })),
    },
  ];
  if (person.isYou) {
    items.push({ id: 'rename', label: text.people.rename, icon: Pencil, choose: () => (session.dialog = 'rename') });
    return items;
  }
  items.push({ id: 'volume', label: text.people.volume, icon: Volume2, choose: showVolume });
  const { room, you } = session.state;
  if (room.floor.presenter === you && mayIn(room, person.id, 'present')) {
    items.push({
      id: 'hand-over',
      label: text.people.handOver,
      icon: ArrowRightLeft,
      choose: () => void session.ask({ type: 'hand_over_floor', payload: { id: person.id } }),
    });
  }
  return items;
}

function forHosts(session: Session, person: Person): MenuItem[] {
  const { id } = person;
  const items: MenuItem[] = [];
  if (person.media.microphone) {
    items.push({ id: 'mute', label: text.people.mute, icon: MicOff, choose: () => void session.ask({ type: 'mute', payload: { id, may_unmute: true } }) });
    items.push({
      id: 'hold',
      label: text.people.muteHeld,
      icon: MicOff,
      choose: () => void session.ask({ type: 'mute', payload: { id, may_unmute: false } }),
    });
  }
  if (person.heldMute) {
    items.push({
      id: 'allow',
      label: text.people.allowUnmute,
      icon: Mic,
      choose: () => void session.ask({ type: 'allow_unmute', payload: { id } }),
    });
  }
  if (person.media.camera) {
    items.push({
      id: 'camera',
      label: text.people.stopCamera,
      icon: VideoOff,
      choose: () => void session.ask({ type: 'stop_camera', payload: { id } }),
    });
  }
  if (person.hand !== null) {
    items.push({
      id: 'hand',
      label: text.people.lowerHand,
      icon: Hand,
      choose: () => void session.ask({ type: 'lower_hand', payload: { id } }),
    });
  }
  if (person.presenting) {
    items.push({ id: 'stop', label: text.people.stopShare, icon: MonitorOff, choose: () => void session.ask({ type: 'stop_share' }) });
  } else if (mayIn(session.state.room, id, 'present')) {
    items.push({
      id: 'grant',
      label: text.people.grant,
      icon: MonitorUp,
      choose: () => void session.ask({ type: 'grant_floor', payload: { id } }),
    });
  }
  const lit = session.state.room.spotlight === id;
  items.push({
    id: 'spotlight',
    label: lit ? text.people.spotlightOff : text.people.spotlight,
    icon: lit ? StarOff : Star,
    choose: () => void session.ask({ type: 'spotlight', payload: { id: lit ? null : id } }),
  });
  items.push(...roleItems(session, person));
  items.push({ id: 'kick', label: text.people.kick, icon: UserX, danger: true, divided: true, choose: () => (session.kicking = id) });
  return items;
}

/** Hosts give any role, co-hosts those up to presenter; the server decides in any case. */
function roleItems(session: Session, person: Person): MenuItem[] {
  if (!session.may('give_roles')) return [];
  const mine = session.you?.role;
  const given: readonly Role[] = mine === 'host' ? ROLES : ROLES.slice(ROLES.indexOf('presenter'));
  if (!given.includes(person.role)) return [];
  return given
    .filter((role) => role !== person.role)
    .map((role, at) => ({
      id: `role-${role}`,
      label: text.people.makeRole(text.people.roles[role]),
      icon: UserCog,
      divided: at === 0,
      choose: () => void session.ask({ type: 'give_role', payload: { id: person.id, role } }),
    }));
}
