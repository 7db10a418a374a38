/**
 * What a screen reader is told, as facts: `text/en.ts` makes sentences of them. Whatever comes in bursts
 * is folded, so that a class that arrives is one sentence.
 */

import type { ClockChange, LeaveReason, Role, RoleChange, StudyPhase } from '../wire';
import type { MediaFailure } from '../bridge/types';

/** Announcements that are held at most; what nobody read until then is no news. */
export const KEPT_MAX = 30;
/** People who come or go within this time of each other are one announcement. */
export const FOLD_MS = 1_500;

export type Fact =
  | { type: 'entered'; people: number }
  | { type: 'joined'; names: string[] }
  | { type: 'left'; names: string[] }
  | { type: 'kicked'; name: string }
  | { type: 'hand_raised'; name: string }
  | { type: 'own_hand'; raised: boolean }
  | { type: 'waiting'; name: string }
  | { type: 'spotlight'; name: string }
  | { type: 'own_spotlight' }
  | { type: 'question'; name: string; text: string; inReview: boolean }
  /** Ours was let through or shown again, or is out of sight for the others. */
  | { type: 'own_question'; shown: boolean }
  /** Without a text it was answered live. */
  | { type: 'question_answered'; mine: boolean; name: string; text: string | null }
  | { type: 'said'; name: string; text: string }
  | { type: 'file_shared'; name: string; file: string }
  | { type: 'presents'; name: string }
  | { type: 'you_present' }
  | { type: 'share_ended' }
  | { type: 'muted_by_host'; mayUnmute: boolean }
  | { type: 'may_unmute' }
  | { type: 'camera_stopped_by_host' }
  | { type: 'role'; role: Role; why: RoleChange }
  | { type: 'retitled'; title: string }
  | { type: 'locked'; locked: boolean }
  | { type: 'time_left'; ms: number }
  | { type: 'time_limit'; set: boolean }
  | { type: 'study'; phase: StudyPhase; why: Exclude<ClockChange, 'plan'>; runs: boolean }
  /** What the room wants to reach. */
  | { type: 'goal'; text: string }
  | { type: 'film_opened'; name: string }
  | { type: 'film_closed' }
  | { type: 'film'; why: 'played' | 'paused' | 'ended' }
  /** `you`: we are among those who are waited for. */
  | { type: 'film_held'; names: string[]; you: boolean }
  | { type: 'notice'; text: string }
  | { type: 'microphone'; on: boolean }
  | { type: 'camera'; on: boolean }
  | { type: 'device_failed'; device: 'microphone' | 'camera' | 'screen'; why: MediaFailure; said?: string }
  | { type: 'audio_only'; on: boolean }
  | { type: 'link_lost' }
  | { type: 'link_back' }
  | { type: 'ended'; reason: LeaveReason | 'unreachable' };

export interface Announcement {
  /** Rises; a view tells those that it has not told yet. */
  id: number;
  /** `assertive` interrupts what is being read. */
  manner: 'polite' | 'assertive';
  fact: Fact;
  atMs: number;
}

export interface Announcements {
  readonly next: number;
  readonly items: readonly Announcement[];
}

export const NO_ANNOUNCEMENTS: Announcements = { next: 1, items: [] };

const ASSERTIVE: ReadonlySet<Fact['type']> = new Set<Fact['type']>([
  'muted_by_host',
  'camera_stopped_by_host',
  'device_failed',
  'link_lost',
  'time_left',
  'ended',
]);

export function announce(announcements: Announcements, fact: Fact, atMs: number): Announcements {
  const last = announcements.items.at(-1);
  const folded = last !== undefined && atMs - last.atMs < FOLD_MS ? fold(last.fact, fact) : null;
  const before = folded === null ? announcements.items : announcements.items.slice(0, -1);
  const item: Announcement = {
    // A new number also for what was folded: whoever reads them tells the whole of it.
    id: announcements.next,
    manner: ASSERTIVE.has(fact.type) ? 'assertive' : 'polite',
    fact: folded ?? fact,
    atMs,
  };
  return { next: announcements.next + 1, items: [...before, item].slice(-KEPT_MAX) };
}

/** Those after `id`, oldest first. */
export function since(announcements: Announcements, id: number): Announcement[] {
  return announcements.items.filter((item) => item.id > id);
}

function fold(before: Fact, after: Fact): Fact | null {
  if (before.type === 'joined' && after.type === 'joined') {
    return { type: 'joined', names: [...before.names, ...after.names] };
  }
  if (before.type === 'left' && after.type === 'left') {
    return { type: 'left', names: [...before.names, ...after.names] };
  }
  return null;
}
