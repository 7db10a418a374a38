/** Sentences for what a device or a browser cannot do. */

import type { Capabilities, Lack, MediaFailure } from '../bridge/types';
import { text } from '../text/en';

export function failureText(kind: 'microphone' | 'camera' | 'screen', why: MediaFailure): string {
  return `${text.mediaFailed.title[kind]} ${text.mediaFailed.why[why]}`;
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
