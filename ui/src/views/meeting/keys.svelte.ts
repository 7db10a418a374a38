/** The shortcuts at work: keys of the window become actions of the meeting. */

import { type PanelName, showPanel } from '../../model/meeting';
import { isShown } from '../../model/questions';
import { hasClock } from '../../model/study_clock';
import { type Action, type Talk, NOT_HELD, actionOf, pressed, released } from '../../model/shortcuts';
import type { Session } from '../session.svelte';
import { microphoneLack, share, toggleCamera, toggleHand, toggleMicrophone } from './actions';

export interface Keys {
  down(event: KeyboardEvent): void;
  up(event: KeyboardEvent): void;
  /** The window lost the focus: no release of a key will be heard. */
  blur(): void;
}

const OVERLAYS = '[role="dialog"], [role="menu"], [role="listbox"]';
const CONTROLS = 'button, a[href], input, select, textarea, summary, [role="slider"], [role="menuitem"]';
const TEXTS = 'input:not([type="checkbox"]):not([type="radio"]), textarea, [contenteditable="true"]';

export function keysOf(session: Session, closePanel: () => void): Keys {
  let talk: Talk = NOT_HELD;

  function act(action: Action): boolean {
    switch (action) {
      case 'toggle_microphone':
        toggleMicrophone(session);
        return true;
      case 'toggle_camera':
        toggleCamera(session);
        return true;
      case 'toggle_hand':
        toggleHand(session);
        return true;
      case 'toggle_share':
        share(session);
        return true;
      case 'toggle_chat':
        session.togglePanel('chat');
        return true;
      case 'toggle_people':
        session.togglePanel('people');
        return true;
      case 'toggle_files':
        session.togglePanel('files');
        return true;
      case 'toggle_questions':
        return toggle('questions', isShown(session.state.room));
      case 'toggle_study':
        return toggle('study', hasClock(session.state.room));
      case 'toggle_film':
        return toggle('film', session.state.room.settings.film);
      case 'show_shortcuts':
        session.dialog = 'shortcuts';
        return true;
      case 'push_to_talk':
        return hold();
      case 'close':
        if (session.state.panel === null) return false;
        closePanel();
        return true;
    }
  }

  /** A panel that the room may not have. */
  function toggle(panel: PanelName, isThere: boolean): boolean {
    if (isThere) session.togglePanel(panel);
    return isThere;
  }

  function hold(): boolean {
    if (session.you?.heldMute === true || microphoneLack(session) !== null) return false;
    const next = pressed(talk, session.state.media.microphone.state === 'on');
    talk = next.talk;
    if (next.microphone !== null) void session.meeting.setMicrophone(true);
    return true;
  }

  function release(): void {
    const next = released(talk);
    talk = next.talk;
    if (next.microphone !== null) void session.meeting.setMicrophone(false);
  }

  return {
    down(event) {
      const target = event.target instanceof Element ? event.target : null;
      // Dialogs and menus have keys of their own.
      if (event.defaultPrevented || session.dialog !== null || target?.closest(OVERLAYS) != null) return;
      const action = actionOf({
        key: event.key,
        ctrl: event.ctrlKey,
        alt: event.altKey,
        meta: event.metaKey,
        repeat: event.repeat,
        composing: event.isComposing,
        inText: target?.closest(TEXTS) != null,
        onControl: target?.closest(CONTROLS) != null,
      });
      if (action !== null && act(action)) event.preventDefault();
    },
    up(event) {
      if (event.key === ' ') release();
    },
    blur: release,
  };
}

/** Closes whatever panel is open and gives the focus back to its button. */
export function closePanelOf(session: Session): void {
  const { panel } = session.state;
  session.change((now) => showPanel(now, null));
  const back = document.querySelector<HTMLElement>(`[data-panel="${panel ?? ''}"]`) ?? document.querySelector<HTMLElement>('[data-panel="more"]');
  back?.focus();
}
