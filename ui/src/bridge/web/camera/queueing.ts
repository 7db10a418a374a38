/** How much later than the fastest of late even the fastest picture comes: what stands in queues. */

import type { Layer, ParticipantId } from '../../../wire';
import { isAfter } from '../protocol/bytes';
import { Least } from './least';

/** Layers whose delays are known at the same time. */
const FLOORS_MAX = 128;
/**
 * A queue that stands is seen in every picture of a second; a page that had no time for a moment is not.
 * Reports come four times a second.
 */
const INTERVALS = 4;

interface Floor {
  delays: Least;
  newestMs: number | undefined;
}

/**
 * Publishers' clocks have nothing in common, and larger layers take longer to encode: each layer of each
 * has a floor of its own.
 */
export class Queueing {
  private readonly floors = new Map<string, Floor>();
  private interval: number | undefined;
  /** The least of each of the last intervals in which something came. */
  private intervals: number[] = [];

  /** A fragment of `source` came that was captured at `capturedMs` of its clock. */
  camera(nowMs: number, source: ParticipantId, layer: Layer, capturedMs: number): void {
    const floor = this.floor(`${source} ${layer}`, nowMs);
    // Only the first fragment of a picture tells: what comes behind it waited for it or was sent again.
    const isFirst = floor?.newestMs === undefined || isAfter(capturedMs, floor.newestMs);
    if (floor === undefined || !isFirst) return;
    floor.newestMs = capturedMs;
    // Both clocks wrap at 32 bits; their difference is a signed number.
    const delayMs = ((nowMs >>> 0) - capturedMs) | 0;
    const above = delayMs - floor.delays.of(delayMs, nowMs);
    this.interval = Math.min(this.interval ?? above, above);
  }

  /** Milliseconds, at the end of an interval. */
  take(): number {
    if (this.interval === undefined) return 0;
    this.intervals.push(this.interval);
    this.interval = undefined;
    if (this.intervals.length > INTERVALS) this.intervals.shift();
    return Math.min(...this.intervals);
  }

  private floor(key: string, nowMs: number): Floor | undefined {
    const known = this.floors.get(key);
    if (known !== undefined) return known;
    if (this.floors.size >= FLOORS_MAX) this.forgetSilent(nowMs);
    if (this.floors.size >= FLOORS_MAX) return undefined;
    const floor = { delays: new Least(nowMs), newestMs: undefined };
    this.floors.set(key, floor);
    return floor;
  }

  private forgetSilent(nowMs: number): void {
    for (const [key, { delays }] of this.floors) {
      if (delays.isStale(nowMs)) this.floors.delete(key);
    }
  }
}
