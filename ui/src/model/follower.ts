/**
 * What one player must do to show what everybody should see: nothing, run a little faster or slower, or jump. The
 * same rule as `proto/core/src/watch/follower.rs`, held to it by `ui/tests/fixtures/follower.json`; the reasons stand
 * there. Times are whole microseconds, on the local clock or the room's as their names say.
 */

import type { Film, FilmReadiness } from '../wire';
import {
  addDrift,
  driftUs as medianUs,
  hadEnough,
  isSettled,
  mayTry,
  NO_DRIFT,
  NO_MOTION,
  NO_TRIES,
  scaled,
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
const AHEAD_MAX_US = 1_000_000;

/** What a player should show: `positionUs` at `atUs` of the room clock, and from there on while it runs. */
export interface Aim {
  readonly positionUs: number;
  readonly atUs: number;
  readonly ratePermille: number;
  readonly runs: boolean;
  readonly durationUs: number | null;
}

export interface PlayerTraits {
  /** How coarse the positions are that it tells. */
  readonly grainUs: number;
  /** Whether it plays at any rate near the one that is wanted. */
  readonly nudges: boolean;
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
  readonly aim: Aim | null;
  /** What counts until the aim's instant has come. */
  readonly before: Aim | null;
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
    aim: null,
    before: null,
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

/** Where the film is at a moment of the room clock: never beyond its end. */
export function positionAt(aim: Aim, roomUs: number): number {
  const gone = aim.runs ? scaled(Math.max(roomUs - aim.atUs, 0), aim.ratePermille) : 0;
  return Math.min(aim.positionUs + gone, aim.durationUs ?? Infinity);
}

/** What everybody should see from its instant on; null when no film is open. */
export function aimAt(follower: Follower, aim: Aim | null): Follower {
  if (isSame(aim, follower.aim)) return follower;
  return {
    ...follower,
    before: follower.aim,
    aim,
    drift: NO_DRIFT,
    jumped: false,
    jumps: NO_TRIES,
    starts: NO_TRIES,
    settlesUs: 0,
    leapt: true,
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
  if (draft.aim === null) return null;
  if (room === null) return startOrStop(draft, nowUs, draft.aim.runs, seen);
  return follow(draft, nowUs, room, seen);
}

function follow(draft: Draft, nowUs: number, room: RoomReading, seen: Seen): Order | null {
  const aim = aimThatCounts(draft, room.roomUs);
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
  draft.waitUs = isSettled(draft.drift) && draft.nudgePermille === 0 ? LOOK_LATER_US : LOOK_SOON_US;
  if (nowUs < draft.settlesUs) return null;
  const unsureUs = room.errorUs + draft.traits.grainUs;
  if (draft.before === null && draft.leapt) {
    draft.leapt = false;
    const farUs = Math.max(JUMPED_UNNUDGED_US, unsureUs * 2);
    if (Math.abs(offUs) > farUs) return jump(draft, nowUs, there + draft.lagUs);
  }
  return jumpIfFar(draft, nowUs, there, unsureUs) ?? nudge(draft, nowUs, aim, unsureUs, seen);
}

function aimThatCounts(draft: Draft, roomUs: number): Aim | null {
  const { aim } = draft;
  if (aim === null) return null;
  const aheadUs = Math.max(aim.atUs - roomUs, 0);
  if (aheadUs === 0 || aheadUs > AHEAD_MAX_US) {
    draft.before = null;
    draft.waitUs = LOOK_LATER_US;
    return aim;
  }
  draft.waitUs = Math.min(aheadUs, LOOK_SOON_US);
  return draft.before ?? { ...aim, runs: false };
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
    const late = Math.abs(offUs) <= AHEAD_MAX_US;
    if (late) draft.lagUs = clamp(draft.lagUs - offUs, 0, AHEAD_MAX_US);
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
  return { type: 'seek', toUs: Math.min(toUs, draft.aim?.durationUs ?? Infinity) };
}

function nudge(draft: Draft, nowUs: number, aim: Aim, unsureUs: number, seen: Seen): Order | null {
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
  draft.settlesUs = nowUs + SETTLES_US;
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

function isSame(one: Aim | null, other: Aim | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.positionUs === other.positionUs &&
    one.atUs === other.atUs &&
    one.ratePermille === other.ratePermille &&
    one.runs === other.runs &&
    one.durationUs === other.durationUs
  );
}
