/** The lines of the menu "More". */

import Activity from '@lucide/svelte/icons/activity';
import ClipboardList from '@lucide/svelte/icons/clipboard-list';
import Clock from '@lucide/svelte/icons/clock';
import DoorOpen from '@lucide/svelte/icons/door-open';
import Expand from '@lucide/svelte/icons/expand';
import CircleStop from '@lucide/svelte/icons/circle-stop';
import Keyboard from '@lucide/svelte/icons/keyboard';
import Link from '@lucide/svelte/icons/link';
import LockKeyhole from '@lucide/svelte/icons/lock-keyhole';
import Megaphone from '@lucide/svelte/icons/megaphone';
import MicOff from '@lucide/svelte/icons/mic-off';
import MonitorUp from '@lucide/svelte/icons/monitor-up';
import Settings from '@lucide/svelte/icons/settings';
import SlidersHorizontal from '@lucide/svelte/icons/sliders-horizontal';
import Smile from '@lucide/svelte/icons/smile';
import type { MenuItem } from '../../../parts/menu';
import { text } from '../../../text/en';
import type { Session } from '../../session.svelte';
import { copyJoinLink, share } from '../actions';
import { panelsOf } from './panels';
import { REACTIONS } from './reactions';
import { shareLook } from './share';

/** `narrow`: also what has a button of its own elsewhere. */
export function moreItems(session: Session, narrow: boolean): MenuItem[] {
  return [...(narrow ? narrowItems(session) : []), ...usualItems(session, narrow), ...hostItems(session)];
}

function narrowItems(session: Session): MenuItem[] {
  const look = shareLook(session);
  const panels = panelsOf(session).filter(({ name }) => name !== 'chat');
  return [
    ...panels.map(({ name, label, icon }) => ({ id: name, label, icon, choose: () => session.togglePanel(name) })),
    {
      id: 'share',
      label: look.label,
      icon: MonitorUp,
      disabled: look.disabled,
      ...(look.why === undefined ? {} : { hint: look.why }),
      choose: () => share(session),
    },
    ...(session.may('react')
      ? REACTIONS.slice(0, 3).map((emoji, at) => ({
          id: `react-${emoji}`,
          label: text.controls.reaction(emoji),
          icon: Smile,
          divided: at === 0,
          choose: () => void session.ask({ type: 'react', payload: { emoji } }),
        }))
      : []),
  ];
}

function usualItems(session: Session, narrow: boolean): MenuItem[] {
  return [
    { id: 'invite', label: text.controls.invite, icon: Link, divided: narrow, choose: () => void copyJoinLink(session) },
    { id: 'devices', label: text.controls.devices, icon: SlidersHorizontal, choose: () => (session.dialog = 'devices') },
    { id: 'settings', label: text.controls.settings, icon: Settings, choose: () => (session.dialog = 'settings') },
    { id: 'quality', label: text.controls.quality, icon: Activity, choose: () => (session.dialog = 'quality') },
    { id: 'full', label: text.controls.fullScreen, icon: Expand, choose: toggleFullScreen },
    { id: 'keys', label: text.controls.shortcuts, icon: Keyboard, key: '?', choose: () => (session.dialog = 'shortcuts') },
  ];
}

/** For whoever may do any of it; what of it their role does not allow is grey and says why. */
function hostItems(session: Session): MenuItem[] {
  if (!session.may('mute_all') && !session.may('change_settings')) return [];
  const words = text.controls;
  const { locked } = session.state.room;
  const changes = lack(session.may('change_settings'), words.onlyHosts);
  return [
    {
      id: 'mute-all',
      label: words.muteAll,
      icon: MicOff,
      divided: true,
      ...lack(session.may('mute_all'), words.onlyHosts),
      choose: () => (session.dialog = 'mute_all'),
    },
    {
      id: 'lock',
      label: words.lock,
      icon: LockKeyhole,
      hint: words.lockHint,
      checked: locked,
      ...changes,
      choose: () => void session.ask({ type: 'lock', payload: { locked: !locked } }),
    },
    { id: 'room', label: words.roomSettings, icon: DoorOpen, ...changes, choose: () => (session.dialog = 'room') },
    { id: 'limit', label: words.timeLimit, icon: Clock, ...changes, choose: () => (session.dialog = 'time_limit') },
    {
      id: 'announce',
      label: words.announce,
      icon: Megaphone,
      ...lack(session.may('moderate'), words.onlyHosts),
      choose: () => (session.dialog = 'announce'),
    },
    {
      id: 'report',
      label: text.report.soFar,
      icon: ClipboardList,
      ...lack(session.may('end_room'), words.onlyHost),
      choose: () => (session.dialog = 'report'),
    },
    {
      id: 'end',
      label: words.end,
      icon: CircleStop,
      danger: true,
      divided: true,
      ...lack(session.may('end_room'), words.onlyHost),
      choose: () => (session.dialog = 'end'),
    },
  ];
}

function lack(allowed: boolean, why: string): Pick<MenuItem, 'disabled' | 'hint'> {
  return allowed ? {} : { disabled: true, hint: why };
}

function toggleFullScreen(): void {
  const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  // Refused on some phones; the page stays as it is.
  done.catch(() => undefined);
}
