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
import { ROLES, mayGive, mayIn } from '../../../model/permission';
import type { Person } from '../../../model/roster';
import { pin, unpin } from '../../../model/stage';
import type { MenuItem } from '../../../parts/menu';
import { text } from '../../../text/en';
import type { Role } from '../../../wire';
import type { Session } from '../../session.svelte';

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
    return [...items, ...stepsDown(session, person)];
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

/** What is not allowed with somebody of a higher role is grey, and says so. */
function forHosts(session: Session, person: Person): MenuItem[] {
  const { id } = person;
  const { room } = session.state;
  const words = text.people;
  const above = session.you !== null && ROLES.indexOf(person.role) < ROLES.indexOf(session.you.role);
  const rank = above ? { disabled: true, hint: words.higherRank } : {};
  const items: MenuItem[] = [];
  if (person.media.microphone) {
    const mute = (may_unmute: boolean) => () => void session.ask({ type: 'mute', payload: { id, may_unmute } });
    items.push(
      { id: 'mute', label: words.mute, icon: MicOff, ...rank, choose: mute(true) },
      { id: 'hold', label: words.muteHeld, icon: MicOff, ...rank, choose: mute(false) },
    );
  }
  if (person.heldMute) {
    items.push({
      id: 'allow',
      label: words.allowUnmute,
      icon: Mic,
      choose: () => void session.ask({ type: 'allow_unmute', payload: { id } }),
    });
  }
  if (person.media.camera) {
    items.push({
      id: 'camera',
      label: words.stopCamera,
      icon: VideoOff,
      ...rank,
      choose: () => void session.ask({ type: 'stop_camera', payload: { id } }),
    });
  }
  if (person.hand !== null) {
    items.push({
      id: 'hand',
      label: words.lowerHand,
      icon: Hand,
      choose: () => void session.ask({ type: 'lower_hand', payload: { id } }),
    });
  }
  if (person.presenting) {
    items.push({ id: 'stop', label: words.stopShare, icon: MonitorOff, choose: () => void session.ask({ type: 'stop_share' }) });
  } else {
    const presents = mayIn(room, id, 'present') ? {} : { disabled: true, hint: words.hasNoRight };
    items.push({
      id: 'grant',
      label: words.grant,
      icon: MonitorUp,
      ...presents,
      choose: () => void session.ask({ type: 'grant_floor', payload: { id } }),
    });
  }
  const lit = room.spotlight === id;
  items.push({
    id: 'spotlight',
    label: lit ? words.spotlightOff : words.spotlight,
    icon: lit ? StarOff : Star,
    choose: () => void session.ask({ type: 'spotlight', payload: { id: lit ? null : id } }),
  });
  items.push(...roleItems(session, person));
  items.push({
    id: 'kick',
    label: words.kick,
    icon: UserX,
    danger: true,
    divided: true,
    ...rank,
    choose: () => (session.kicking = id),
  });
  return items;
}

/** Hosts give any role, co-hosts those up to presenter; the server decides in any case. */
function roleItems(session: Session, person: Person): MenuItem[] {
  const mine = session.you?.role;
  if (mine === undefined || !session.may('give_roles')) return [];
  return ROLES.filter((role) => role !== person.role).map((role, at) => ({
    ...roleItem(session, person, role, text.people.makeRole(text.people.roles[role])),
    divided: at === 0,
    ...(mayGive(mine, person.role, role) ? {} : { disabled: true, hint: text.people.onlyHostGives }),
  }));
}

/** Hosts and co-hosts may take a lower role themselves; the last host may not. */
function stepsDown(session: Session, you: Person): MenuItem[] {
  if (!session.may('give_roles')) return [];
  const others = session.people.some((person) => !person.isYou && person.role === 'host' && !person.away);
  const last = you.role === 'host' && !others;
  return ROLES.slice(ROLES.indexOf(you.role) + 1).map((role, at) => ({
    ...roleItem(session, you, role, text.people.become(text.people.roles[role])),
    divided: at === 0,
    ...(last ? { disabled: true, hint: text.people.lastHost } : {}),
  }));
}

function roleItem(session: Session, person: Person, role: Role, label: string): MenuItem {
  return {
    id: `role-${role}`,
    label,
    icon: UserCog,
    choose: () => void session.ask({ type: 'give_role', payload: { id: person.id, role } }),
  };
}
