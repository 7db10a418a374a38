/** Keys and what they do. Letters are those that are printed on the key, so that every layout has them. */

export type Action =
  | 'toggle_microphone'
  | 'toggle_camera'
  | 'toggle_hand'
  | 'toggle_share'
  | 'toggle_chat'
  | 'toggle_people'
  | 'toggle_files'
  | 'toggle_questions'
  | 'toggle_study'
  | 'toggle_film'
  | 'show_shortcuts'
  | 'push_to_talk'
  | 'close';

export interface Shortcut {
  action: Action;
  /** What `KeyboardEvent.key` says, letters in lower case. */
  key: string;
  /** Works while a text field has the focus. */
  inText: boolean;
}

/** In the order in which the help lists them. */
export const SHORTCUTS: readonly Shortcut[] = [
  { action: 'toggle_microphone', key: 'm', inText: false },
  { action: 'push_to_talk', key: ' ', inText: false },
  { action: 'toggle_camera', key: 'v', inText: false },
  { action: 'toggle_share', key: 's', inText: false },
  { action: 'toggle_hand', key: 'h', inText: false },
  { action: 'toggle_chat', key: 'c', inText: false },
  { action: 'toggle_people', key: 'p', inText: false },
  { action: 'toggle_files', key: 'f', inText: false },
  { action: 'toggle_questions', key: 'q', inText: false },
  { action: 'toggle_study', key: 't', inText: false },
  { action: 'toggle_film', key: 'w', inText: false },
  { action: 'show_shortcuts', key: '?', inText: false },
  { action: 'close', key: 'Escape', inText: true },
];

/** What a shortcut has to know of a key and of where the focus is. */
export interface Press {
  key: string;
  ctrl: boolean;
  alt: boolean;
  meta: boolean;
  /** The key is held down and repeats. */
  repeat: boolean;
  /** Text is being composed (`isComposing`). */
  composing: boolean;
  /** A text field has the focus. */
  inText: boolean;
  /** A button, link or the like has the focus, which the space bar presses. */
  onControl: boolean;
}

/** What a key does now; null when it is not ours. */
export function actionOf(press: Press): Action | null {
  if (press.ctrl || press.alt || press.meta || press.composing || press.repeat) return null;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const shortcut = SHORTCUTS.find((candidate) => candidate.key === key);
  if (shortcut === undefined || (press.inText && !shortcut.inText)) return null;
  if (shortcut.action === 'push_to_talk' && press.onControl) return null;
  return shortcut.action;
}

/**
 * Push-to-talk: the microphone is on while the key is held, and off again after it; who had it on anyway
 * is not switched off.
 */
export interface Talk {
  readonly held: boolean;
}

export const NOT_HELD: Talk = { held: false };

export function pressed(talk: Talk, microphoneOn: boolean): { talk: Talk; microphone: true | null } {
  if (talk.held || microphoneOn) return { talk, microphone: null };
  return { talk: { held: true }, microphone: true };
}

/** Also when the window loses the focus: the key's release is never heard then. */
export function released(talk: Talk): { talk: Talk; microphone: false | null } {
  return talk.held ? { talk: NOT_HELD, microphone: false } : { talk, microphone: null };
}
