/**
 * What counts, and what is going to: a move takes effect a little after it was told. The same rule as
 * `proto/core/src/watch/course.rs`; times are whole microseconds of the room clock.
 */

import { scaled } from './follower_memory';

const AHEAD_MAX_US = 1_000_000;
const MOVES_MAX = 32;

/** What a player should show: `positionUs` at `atUs` of the room clock, and from there on while it runs. */
export interface Aim {
  readonly positionUs: number;
  readonly atUs: number;
  readonly ratePermille: number;
  readonly runs: boolean;
  readonly durationUs: number | null;
}

/** In the order of their instants. */
export type Course = readonly Aim[];

/** Where the film is at a moment of the room clock: never beyond its end. */
export function positionAt(aim: Aim, roomUs: number): number {
  const gone = aim.runs ? scaled(Math.max(roomUs - aim.atUs, 0), aim.ratePermille) : 0;
  return Math.min(aim.positionUs + gone, aim.durationUs ?? Infinity);
}

/** From its instant on this aim counts, instead of all that was to come later. */
export function turn(course: Course, aim: Aim): Course {
  const earlier = course.filter(({ atUs }) => atUs < aim.atUs);
  return [...earlier.slice(-(MOVES_MAX - 1)), aim];
}

/** What counts then; null before the first instant. */
export function countsAt(course: Course, roomUs: number): Aim | null {
  return course[placeAt(course, roomUs)] ?? null;
}

/** How long until the next move counts; null when none is to come. */
export function nextIn(course: Course, roomUs: number): number | null {
  const next = course[placeAt(course, roomUs) + 1];
  return next === undefined ? null : Math.max(next.atUs - roomUs, 0);
}

/** Forgets what is over: it does not count again, even if the clock goes back. */
export function pass(course: Course, roomUs: number): Course {
  return course.slice(Math.max(placeAt(course, roomUs), 0));
}

export function isSame(one: Aim | null, other: Aim | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.positionUs === other.positionUs &&
    one.atUs === other.atUs &&
    one.ratePermille === other.ratePermille &&
    one.runs === other.runs &&
    one.durationUs === other.durationUs
  );
}

function placeAt(course: Course, roomUs: number): number {
  const counts = ({ atUs }: Aim) => atUs <= roomUs || atUs - roomUs > AHEAD_MAX_US;
  return course.reduce((place, aim, index) => (counts(aim) ? index : place), -1);
}
