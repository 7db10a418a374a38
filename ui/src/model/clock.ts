/** The room clock as we estimate it: each reading arrives late, so the earliest-looking one is nearest. */

/** Readings that are kept, a beat apart; a local clock that drifts is followed within these. */
const READINGS_KEPT = 12;

export interface RoomClock {
  /** `room clock - local clock` of the last readings, in milliseconds, oldest first. */
  readonly offsets: readonly number[];
}

export const NO_CLOCK: RoomClock = { offsets: [] };

/** A reading of the room clock, and the local clock (`performance.now()`) when it arrived. */
export function read(clock: RoomClock, roomClockMs: number, localMs: number): RoomClock {
  return { offsets: [...clock.offsets, roomClockMs - localMs].slice(-READINGS_KEPT) };
}

/**
 * The room clock at a moment of the local clock; null before the first reading. A reading was on its way
 * for a while, so each offset is too small by that: the greatest is the best (Cristian 1989).
 */
export function roomNow(clock: RoomClock, localMs: number): number | null {
  if (clock.offsets.length === 0) return null;
  return localMs + Math.max(...clock.offsets);
}
