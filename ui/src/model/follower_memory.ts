/**
 * What a follower remembers: how far off the player is, whether it moves at all, and which orders did not help. As
 * `proto/core/src/watch/follower/`. Times are whole microseconds.
 */

import type { Seen } from './follower';

const LOOKS = 5;
const LOOKS_MIN = 3;
const STUCK_AFTER_US = 700_000;
const MOVES_DIVISOR = 5;
const FIRST_US = 500_000;
const LAST_US = 8_000_000;
const WELL_US = 5_000_000;
const HOPELESS_TRIES = 4;
const DOUBLINGS_MAX = 8;
const RATE_NORMAL_PERMILLE = 1_000;

/** How far a film goes in this time. */
export function scaled(timeUs: number, ratePermille: number): number {
  return Math.floor((timeUs * ratePermille) / RATE_NORMAL_PERMILLE);
}

/** The last differences, newest last. */
export type Drift = readonly number[];

export const NO_DRIFT: Drift = [];

export function addDrift(drift: Drift, offUs: number): Drift {
  return [...drift, offUs].slice(-LOOKS);
}

export function isSettled(drift: Drift): boolean {
  return drift.length >= LOOKS_MIN;
}

export function driftUs(drift: Drift): number | null {
  const sorted = [...drift].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

export interface Motion {
  /** The look from which it has not moved. */
  readonly from: { readonly atUs: number; readonly positionUs: number } | null;
  readonly stuck: boolean;
}

export const NO_MOTION: Motion = { from: null, stuck: false };

export function seenMoving({ from }: Motion, seen: Seen, grainUs: number): Motion {
  const { atUs, positionUs, buffering } = seen;
  if (!seen.playing) return { from: null, stuck: buffering };
  if (from === null) return { from: { atUs, positionUs }, stuck: buffering };
  const sinceUs = Math.max(atUs - from.atUs, 0);
  const over = seen.durationUs !== null && positionUs >= seen.durationUs;
  const shouldUs = scaled(sinceUs, seen.ratePermille) / MOVES_DIVISOR;
  const moved = Math.abs(from.positionUs - positionUs) > shouldUs;
  if (moved || over) return { from: { atUs, positionUs }, stuck: buffering };
  return { from, stuck: buffering || sinceUs > STUCK_AFTER_US + grainUs * 2 };
}

/** Orders that do not help are given less and less often. */
export interface Retry {
  readonly tries: number;
  readonly triedAtUs: number;
  readonly wellSinceUs: number | null;
}

export const NO_TRIES: Retry = { tries: 0, triedAtUs: 0, wellSinceUs: null };

export function mayTry({ tries, triedAtUs }: Retry, nowUs: number): boolean {
  const doublings = Math.min(Math.max(tries - 1, 0), DOUBLINGS_MAX);
  return tries === 0 || nowUs >= triedAtUs + Math.min(FIRST_US * 2 ** doublings, LAST_US);
}

export function tried({ tries }: Retry, nowUs: number): Retry {
  return { tries: tries + 1, triedAtUs: nowUs, wellSinceUs: null };
}

/** It is as it should be. */
export function succeeded(retry: Retry, nowUs: number): Retry {
  const wellSinceUs = retry.wellSinceUs ?? nowUs;
  return { ...retry, wellSinceUs, tries: nowUs - wellSinceUs >= WELL_US ? 0 : retry.tries };
}

export function hadEnough({ tries }: Retry): boolean {
  return tries >= HOPELESS_TRIES;
}
