/** Where a player is between two of its reports. */

import type { FilmStatus } from '../bridge/types';

/** In milliseconds, at a moment of the local clock. */
export function positionNow(status: FilmStatus, nowMs: number): number {
  const goes = status.phase === 'open' && status.playing && !status.buffering;
  const gone = goes ? (Math.max(nowMs - status.atMs, 0) * status.ratePermille) / 1_000 : 0;
  return Math.min(status.positionMs + gone, status.durationMs ?? Infinity);
}
