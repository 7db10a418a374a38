/** The lines of the menu "More". */

import Activity from '@lucide/svelte/icons/activity';
import Clock from '@lucide/svelte/icons/clock';
import DoorOpen from '@lucide/svelte/icons/door-open';
import Expand from '@lucide/svelte/icons/expand';
import Files from '@lucide/svelte/icons/files';
import Keyboard from '@lucide/svelte/icons/keyboard';
import Link from '@lucide/svelte/icons/link';
import LockKeyhole from '@lucide/svelte/icons/lock-keyhole';
import Megaphone from '@lucide/svelte/icons/megaphone';
import MicOff from '@lucide/svelte/icons/mic-off';
import MonitorUp from '@lucide/svelte/icons/monitor-up';
import Settings from '@lucide/svelte/icons/settings';
import SlidersHorizontal from '@lucide/svelte/icons/sliders-horizontal';
import Smile from '@lucide/svelte/icons/smile';
import Users from '@lucide/svelte/icons/users';
import type { MenuItem } from '../../../parts/menu';
import { text } from '../../../text/en';
import type { Session } from '../../session.svelte';
import { copyJoinLink, share } from '../actions';
import { REACTIONS } from './reactions';
import { shareLook } from './share';

/** `narrow`: also what has a button of its own elsewhere. */
export function moreItems(session: Session, narrow: boolean): MenuItem[] {
  return [...(narrow ? narrowItems(session) : []), ...usualItems(session, narrow), ...hostItems(session)];
}

function narrowItems(session: Session): MenuItem[] {
  const look = shareLook(session);
  const unread = session.state.files.unread;
  const waiting = session.state.room.waiting.length;
  return [
    {
      id: 'people',
      label:
        waiting > 0 ? text.controls.peopleWaiting(session.people.length, waiting) : text.controls.people(session.people.length),
      icon: Users,
      choose: () => session.togglePanel('people'),
    },
    {
      id: 'files',
      label: unread > 0 ? text.controls.filesNew(unread) : text.controls.files,
      icon: Files,
      choose: () => session.togglePanel('files'),
    },
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

function hostItems(session: Session): MenuItem[] {
  const items: MenuItem[] = [];
  if (session.may('mute_all')) {
    items.push({ id: 'mute-all', label: text.controls.muteAll, icon: MicOff, choose: () => (session.dialog = 'mute_all') });
  }
  if (session.may('change_settings')) {
    const { locked } = session.state.room;
    items.push(
      {
        id: 'lock',
        label: text.controls.lock,
        icon: LockKeyhole,
        hint: text.controls.lockHint,
        checked: locked,
        choose: () => void session.ask({ type: 'lock', payload: { locked: !locked } }),
      },
      { id: 'room', label: text.controls.roomSettings, icon: DoorOpen, choose: () => (session.dialog = 'room') },
      { id: 'limit', label: text.controls.timeLimit, icon: Clock, choose: () => (session.dialog = 'time_limit') },
      { id: 'announce', label: text.controls.announce, icon: Megaphone, choose: () => (session.dialog = 'announce') },
    );
  }
  return items.map((item, at) => (at === 0 ? { ...item, divided: true } : item));
}

function toggleFullScreen(): void {
  const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  // Refused on some phones; the page stays as it is.
  done.catch(() => undefined);
}
