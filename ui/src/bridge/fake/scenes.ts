/** Which pretended rooms there are: the last part of the link chooses what happens. */

import type { RefusalCode, Settings } from '../../wire';
import { PLAN } from './templates';

export interface Scene {
  title: string;
  /** People besides us. */
  people: number;
  /** Refused instead of a seat. */
  refused: RefusalCode | null;
  password: string | null;
  /** Milliseconds at the door. */
  waitMs: number;
  /** We are host here without a key. */
  host: boolean;
  /** Nothing moves by itself: for pictures and for checks by machine. */
  still: boolean;
  /** A screen is shared from the beginning. */
  share: boolean;
  /** Milliseconds until the meeting ends. */
  endsInMs: number | null;
  /** The link is poor: cameras are held back. */
  poor: boolean;
  /** The link is lost after so many milliseconds, and comes back by itself. */
  lostAfterMs: number | null;
  /** Other than usual. */
  settings: Partial<Settings>;
  /** Some were asked before we came. */
  questions: boolean;
  /** What the room does together; null is a meeting. */
  together: 'study' | 'film' | null;
  /** Names of those at the door. */
  waiting: readonly string[];
}

const USUAL: Scene = {
  title: 'Weekly meeting',
  people: 5,
  refused: null,
  password: null,
  waitMs: 0,
  host: true,
  still: false,
  share: false,
  endsInMs: null,
  poor: false,
  lostAfterMs: null,
  settings: {},
  questions: false,
  together: null,
  waiting: [],
};

const TIMED = { timer: PLAN };
const ASKED = { open: true, anonymous: true, reviewed: true };

export const SCENES: Readonly<Record<string, Scene>> = {
  lobby: USUAL,
  still: { ...USUAL, title: 'Nothing moves here', still: true },
  guest: { ...USUAL, title: 'Physics, group 3', host: false },
  alone: { ...USUAL, title: 'Nobody else', people: 0 },
  many: { ...USUAL, title: 'All hands', people: 40 },
  share: { ...USUAL, title: 'A talk with slides', share: true, host: false },
  lecture: {
    ...USUAL,
    title: 'Introduction to waves',
    still: true,
    questions: true,
    waiting: ['Farida Rahimi', 'Tomáš Dvořák', 'A rather long name that does not fit into one line of the list'],
    settings: { questions: ASKED },
  },
  listener: { ...USUAL, title: 'Introduction to waves', still: true, host: false, questions: true, settings: { questions: ASKED } },
  study: { ...USUAL, title: 'Library', still: true, together: 'study', settings: TIMED },
  quiet: { ...USUAL, title: 'Library', still: true, host: false, together: 'study', settings: { timer: PLAN, quiet_company: true } },
  pomodoro: { ...USUAL, title: 'Before the first span', still: true, settings: TIMED },
  film: { ...USUAL, title: 'Film evening', still: true, together: 'film', settings: { film: true } },
  seat: { ...USUAL, title: 'Film evening', still: true, host: false, together: 'film', settings: { film: true } },
  cinema: { ...USUAL, title: 'Before the film', still: true, settings: { film: true } },
  soon: { ...USUAL, title: 'Ends soon', endsInMs: 70_000 },
  poor: { ...USUAL, title: 'A poor link', poor: true },
  lost: { ...USUAL, title: 'A link that breaks', lostAfterMs: 3_000 },
  waiting: { ...USUAL, title: 'With a waiting room', waitMs: 6_000, host: false },
  secret: { ...USUAL, title: 'With a password', password: 'secret' },
  full: { ...USUAL, title: 'Full', refused: 'room_full' },
  locked: { ...USUAL, title: 'Locked', refused: 'room_locked' },
  over: { ...USUAL, title: 'Over', refused: 'room_ended' },
  kicked: { ...USUAL, title: 'Where we are not wanted', refused: 'kicked' },
  busy: { ...USUAL, title: 'Too much to do', refused: 'busy' },
};

/** Rooms that are listed on the front page. */
export const LISTED: readonly string[] = ['lobby', 'share', 'many', 'secret', 'locked', 'full'];

export function sceneOf(slug: string): Scene | null {
  return SCENES[slug] ?? null;
}
