/** Sentences for what a device or a browser cannot do. */

import { type Capabilities, DeviceError, type DeviceNote, type Lack, type MediaFailure } from '../bridge/types';
import { text } from '../text/en';

type Failing = keyof typeof text.mediaFailed.title;

/** `said` is the program's own sentence; our words are for browsers, which say nothing. */
export function failureText(kind: Failing, why: MediaFailure, said: string | null = null): string {
  return `${text.mediaFailed.title[kind]} ${said ?? text.mediaFailed.why[why]}`;
}

/** Of what a bridge has rejected with. */
export function failureTextOf(kind: Failing, error: unknown): string {
  return error instanceof DeviceError ? failureText(kind, error.why, error.said) : failureText(kind, 'failed');
}

/** What matters to a person in a meeting, most important first; others stay unsaid. */
const SAID = ['webrtc', 'microphone', 'camera', 'screenShare', 'webcodecs', 'chooseSpeaker'] as const;

export interface LackText {
  what: string;
  why: string;
}

export function lackTexts(can: Capabilities): LackText[] {
  const lacks: LackText[] = [];
  for (const name of SAID) {
    const ability = can[name];
    // Without WebRTC nothing is sent anyway.
    const follows = can.webrtc !== true && (name === 'microphone' || name === 'camera' || name === 'webcodecs');
    if (ability !== true && !follows) lacks.push({ what: text.lacks[name], why: whyText(ability) });
  }
  return lacks;
}

export function whyText(lack: Lack): string {
  return text.lacks.why[lack];
}

/** What happened to a device, in a sentence. */
export function deviceNoteText(note: DeviceNote): string {
  const words = text.desktop;
  switch (note.type) {
    case 'appeared':
      return words.appeared(note.device.name);
    case 'fell_back':
      return words.fellBack(words.kinds[note.kind], note.lost, note.instead);
    case 'returned':
      return words.returned(note.name);
    case 'working':
      return words.working(note.name);
    case 'failing':
      return note.text;
  }
}
