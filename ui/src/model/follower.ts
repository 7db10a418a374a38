/**
 * What one player must do to show what everybody should see: nothing, run a little faster or slower, or jump. The
 * same rule as `proto/core/src/watch/follower.rs`, held to it by `ui/tests/fixtures/follower.json`; the reasons stand
 * there. Times are whole microseconds, on the local clock or the room's as their names say.
 */

import type { Film, FilmReadiness } from '../wire';
import { countsAt, isSame, nextIn, pass, positionAt, turn, type Aim, type Course } from './film_course';
import {
  addDrift,
  driftUs as medianUs,
  hadEnough,
  isSettled,
  mayTry,
  NO_DRIFT,
  NO_MOTION,
  NO_TRIES,
  seenMoving,
  succeeded,
  tried,
  type Drift,
  type Motion,
  type Retry,
} from './follower_memory';

const RATE_NORMAL_PERMILLE = 1_000;
const LEFT_ALONE_US = 15_000;
const GOOD_DIVISOR = 3;
const NUDGE_MAX_PERMILLE = 50;
const NUDGE_STEP_PERMILLE = 5;
const NUDGE_HORIZON_MS = 1_000;
const JUMPED_US = 400_000;
const JUMPED_UNNUDGED_US = 150_000;
const STANDS_OFF_US = 40_000;
const SETTLES_US = 150_000;
const SETTLES_JUMP_US = 400_000;
const LOOK_SOON_US = 50_000;
const LOOK_LATER_US = 250_000;
const SLEPT_US = 2_000_000;
const LAG_MAX_US = 1_000_000;

export interface PlayerTraits {
  /** How coarse the positions are that it tells. */
  readonly grainUs: number;
  /** Whether it plays at any rate near the one that is wanted. */
  readonly nudges: boolean;
  /** From the order to play at another rate until it is seen and heard. */
  readonly rateDelayUs: number;
}

/** What a player says of itself. */
export interface Seen {
  /** When that was true, on the local clock. */
  readonly atUs: number;
  readonly positionUs: number;
  /** It is not paused; whether it moves is another matter. */
  readonly playing: boolean;
  readonly ratePermille: number;
  readonly buffering: boolean;
  readonly durationUs: number | null;
}

/** The room clock now, and how wrong it may be. */
export interface RoomReading {
  readonly roomUs: number;
  readonly errorUs: number;
}

export type Order =
  | { readonly type: 'play' }
  | { readonly type: 'pause' }
  | { readonly type: 'seek'; readonly toUs: number }
  | { readonly type: 'rate'; readonly permille: number };

export interface Follower {
  readonly traits: PlayerTraits;
  readonly course: Course;
  /** What counted when it was last looked at. */
  readonly counted: Aim | null;
  readonly drift: Drift;
  readonly motion: Motion;
  readonly nudgePermille: number;
  /** The rate that was ordered last. */
  readonly askedPermille: number;
  readonly settlesUs: number;
  readonly jumps: Retry;
  readonly starts: Retry;
  readonly rates: Retry;
  readonly deaf: boolean;
  readonly lookedUs: number | null;
  /** How far behind a jump leaves it, as learned. */
  readonly lagUs: number;
  readonly jumped: boolean;
  /** What counts has just jumped to another place: one look is enough to do so, too. */
  readonly leapt: boolean;
  /** How long until the player is to be looked at again. */
  readonly waitUs: number;
}

/** A follower while it judges one look. */
type Draft = { -readonly [Key in keyof Follower]: Follower[Key] };

export function newFollower(traits: PlayerTraits): Follower {
  return {
    traits,
    course: [],
    counted: null,
    drift: NO_DRIFT,
    motion: NO_MOTION,
    nudgePermille: 0,
    askedPermille: RATE_NORMAL_PERMILLE,
    settlesUs: 0,
    jumps: NO_TRIES,
    starts: NO_TRIES,
    rates: NO_TRIES,
    deaf: false,
    lookedUs: null,
    lagUs: 0,
    jumped: false,
    leapt: false,
    waitUs: LOOK_SOON_US,
  };
}

/** Null when no film is open. */
export function aimOf({ file, anchor }: Film): Aim | null {
  if (file === null) return null;
  return {
    positionUs: anchor.position_ms * 1_000,
    atUs: anchor.at_ms * 1_000,
    ratePermille: anchor.rate_permille,
    runs: anchor.playing && anchor.hold === null,
    durationUs: file.duration_ms > 0 ? file.duration_ms * 1_000 : null,
  };
}

/** What everybody should see from its instant on; null when no film is open. */
export function aimAt(follower: Follower, aim: Aim | null): Follower {
  if (isSame(aim, newest(follower))) return follower;
  return {
    ...follower,
    course: aim === null ? [] : turn(follower.course, aim),
    counted: aim === null ? null : follower.counted,
    drift: NO_DRIFT,
    jumped: false,
    jumps: NO_TRIES,
    starts: NO_TRIES,
    settlesUs: 0,
    waitUs: 0,
  };
}

/** Judges a look at the player; `room` is null while the room clock is not known. */
export function look(
  follower: Follower,
  nowUs: number,
  room: RoomReading | null,
  seen: Seen,
): { follower: Follower; order: Order | null } {
  const draft: Draft = { ...follower };
  watchOut(draft, nowUs);
  draft.motion = seenMoving(draft.motion, seen, draft.traits.grainUs);
  const order = judge(draft, nowUs, room, seen);
  if (order !== null) draft.waitUs = LOOK_SOON_US;
  return { follower: draft, order };
}

/** What the room is to be told of this copy. */
export function readiness(follower: Follower): FilmReadiness {
  if (follower.lookedUs === null) return 'not_ready';
  return follower.motion.stuck ? 'buffering' : 'ready';
}

/** How far the player is ahead of what it should show, behind when negative. */
export function driftUs(follower: Follower): number | null {
  return medianUs(follower.drift);
}

function watchOut(draft: Draft, nowUs: number): void {
  const slept = draft.lookedUs !== null && nowUs - draft.lookedUs > SLEPT_US;
  draft.lookedUs = nowUs;
  if (!slept) return;
  forgetDrift(draft);
  draft.motion = NO_MOTION;
  draft.jumps = NO_TRIES;
  draft.starts = NO_TRIES;
}

function forgetDrift(draft: Draft): void {
  draft.drift = NO_DRIFT;
  draft.jumped = false;
}

function judge(draft: Draft, nowUs: number, room: RoomReading | null, seen: Seen): Order | null {
  const told = newest(draft);
  if (told === null) return null;
  if (room === null) return startOrStop(draft, nowUs, told.runs, seen);
  return follow(draft, nowUs, room, seen);
}

function follow(draft: Draft, nowUs: number, room: RoomReading, seen: Seen): Order | null {
  const aim = whatCounts(draft, room.roomUs);
  if (aim === null) return null;
  const there = positionAt(aim, room.roomUs);
  const over = aim.durationUs !== null && there >= aim.durationUs;
  if (!aim.runs || over) {
    return startOrStop(draft, nowUs, false, seen) ?? stand(draft, nowUs, there, seen);
  }
  if (!seen.playing) {
    const far = Math.abs(there - seen.positionUs) > STANDS_OFF_US + draft.traits.grainUs;
    if (far && mayTry(draft.jumps, nowUs)) return jump(draft, nowUs, there);
    return startOrStop(draft, nowUs, true, seen);
  }
  draft.starts = NO_TRIES;
  const ageUs = Math.max(nowUs - seen.atUs, 0);
  const offUs = seen.positionUs - positionAt(aim, Math.max(room.roomUs - ageUs, 0));
  draft.drift = addDrift(draft.drift, offUs);
  if (!isSettled(draft.drift) || draft.nudgePermille !== 0) draft.waitUs = Math.min(draft.waitUs, LOOK_SOON_US);
  if (nowUs < draft.settlesUs) return null;
  const unsureUs = room.errorUs + draft.traits.grainUs;
  if (draft.leapt) {
    draft.leapt = false;
    const farUs = Math.max(JUMPED_UNNUDGED_US, unsureUs * 2);
    if (Math.abs(offUs) > farUs) return jump(draft, nowUs, there + draft.lagUs);
  }
  return jumpIfFar(draft, nowUs, there, unsureUs) ?? nudge(draft, nowUs, room.roomUs, unsureUs, seen);
}

function whatCounts(draft: Draft, roomUs: number): Aim | null {
  draft.course = pass(draft.course, roomUs);
  const aheadUs = nextIn(draft.course, roomUs);
  const { rateDelayUs } = draft.traits;
  const nextUs = aheadUs !== null && aheadUs > rateDelayUs ? aheadUs - rateDelayUs : aheadUs;
  draft.waitUs = nextUs === null ? LOOK_LATER_US : Math.min(nextUs, LOOK_SOON_US);
  const told = newest(draft);
  if (told === null) return null;
  const aim = countsAt(draft.course, roomUs) ?? { ...told, runs: false };
  if (!isSame(aim, draft.counted)) draft.leapt = true;
  draft.counted = aim;
  return aim;
}

/** What was told last, whether it counts already or not. */
function newest({ course }: Follower): Aim | null {
  return course.at(-1) ?? null;
}

function startOrStop(draft: Draft, nowUs: number, play: boolean, seen: Seen): Order | null {
  if (seen.playing === play || !mayTry(draft.starts, nowUs)) return null;
  draft.starts = tried(draft.starts, nowUs);
  draft.settlesUs = nowUs + SETTLES_US;
  return { type: play ? 'play' : 'pause' };
}

function stand(draft: Draft, nowUs: number, there: number, seen: Seen): Order | null {
  const off = Math.abs(there - seen.positionUs) > STANDS_OFF_US + draft.traits.grainUs;
  if (!off || nowUs < draft.settlesUs || !mayTry(draft.jumps, nowUs)) return null;
  draft.lagUs = 0;
  return jump(draft, nowUs, there);
}

function jumpIfFar(draft: Draft, nowUs: number, there: number, unsureUs: number): Order | null {
  const offUs = settledDrift(draft);
  if (offUs === null) return null;
  if (draft.jumped) {
    draft.jumped = false;
    // Behind after a jump: the next one goes further.
    // What is further off was not late, but wrong.
    const late = Math.abs(offUs) <= LAG_MAX_US;
    if (late) draft.lagUs = clamp(draft.lagUs - offUs, 0, LAG_MAX_US);
  }
  const nudges = draft.traits.nudges && !draft.deaf;
  const farUs = Math.max(nudges ? JUMPED_US : JUMPED_UNNUDGED_US, unsureUs * 2);
  if (Math.abs(offUs) <= farUs) {
    draft.jumps = succeeded(draft.jumps, nowUs);
    return null;
  }
  return mayTry(draft.jumps, nowUs) ? jump(draft, nowUs, there + draft.lagUs) : null;
}

function jump(draft: Draft, nowUs: number, toUs: number): Order {
  draft.jumps = tried(draft.jumps, nowUs);
  forgetDrift(draft);
  draft.jumped = true;
  draft.settlesUs = nowUs + SETTLES_JUMP_US;
  return { type: 'seek', toUs: Math.min(toUs, draft.counted?.durationUs ?? Infinity) };
}

function nudge(draft: Draft, nowUs: number, roomUs: number, unsureUs: number, seen: Seen): Order | null {
  const aim = countsAt(draft.course, roomUs + draft.traits.rateDelayUs);
  if (aim === null) return null;
  const offUs = settledDrift(draft);
  if (draft.traits.nudges && !draft.deaf && offUs !== null) {
    draft.nudgePermille = wantedNudge(offUs, draft.nudgePermille, unsureUs);
  }
  const permille = Math.trunc((aim.ratePermille * (RATE_NORMAL_PERMILLE + draft.nudgePermille)) / RATE_NORMAL_PERMILLE);
  if (Math.abs(seen.ratePermille - draft.askedPermille) <= 1) draft.rates = NO_TRIES;
  if (Math.abs(seen.ratePermille - permille) <= 1) return null;
  if (!mayTry(draft.rates, nowUs)) return null;
  if (hadEnough(draft.rates) && draft.nudgePermille !== 0) {
    draft.deaf = true;
    draft.nudgePermille = 0;
    return null;
  }
  draft.rates = tried(draft.rates, nowUs);
  draft.askedPermille = permille;
  draft.drift = NO_DRIFT;
  draft.settlesUs = nowUs + Math.max(SETTLES_US, draft.traits.rateDelayUs);
  return { type: 'rate', permille };
}

/** How much faster, in permille, a player should run that is `offUs` ahead and runs `nudge` faster now. */
function wantedNudge(offUs: number, nudge: number, unsureUs: number): number {
  const begins = Math.max(LEFT_ALONE_US, unsureUs);
  const off = Math.abs(offUs);
  if (off <= Math.trunc(begins / GOOD_DIVISOR) || (nudge === 0 && off <= begins)) return 0;
  const exact = Math.trunc(-offUs / NUDGE_HORIZON_MS);
  const steps = Math.trunc(exact / NUDGE_STEP_PERMILLE) || (offUs > 0 ? -1 : 1);
  const wanted = clamp(steps * NUDGE_STEP_PERMILLE, -NUDGE_MAX_PERMILLE, NUDGE_MAX_PERMILLE);
  const isLike = Math.sign(wanted) === Math.sign(nudge) && Math.abs(wanted - nudge) <= 2 * NUDGE_STEP_PERMILLE;
  return isLike ? nudge : wanted;
}

function settledDrift({ drift }: Draft): number | null {
  return isSettled(drift) ? medianUs(drift) : null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
