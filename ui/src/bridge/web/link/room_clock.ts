/** The room clock, estimated from questions and answers. */

/** Exchanges that the filter looks back on (RFC 5905 section 10: eight stages). */
const WINDOW_EXCHANGES = 8;

/** What is known of the room clock: `roomMs` is at most `errorMs` wrong, either way. */
export interface RoomReading {
  roomMs: number;
  errorMs: number;
}

/** How far two clocks may drift apart, in parts per million (RFC 5905 section 4, PHI). */
const DRIFT_PPM = 15;
/** The room clock is told in whole milliseconds, cut off. */
const GRAIN_MS = 1;

interface Exchange {
  offsetMs: number;
  delayMs: number;
  receivedMs: number;
}

/**
 * Of the last few exchanges the one with the least delay is believed, because queues only ever add
 * (RFC 5905 section 10).
 */
export class RoomClock {
  private exchanges: Exchange[] = [];

  /** A question of `sentMs` was answered with the room's clock, and the answer came at `receivedMs`. */
  exchanged(sentMs: number, roomMs: number, receivedMs: number): void {
    const delayMs = Math.max(receivedMs - sentMs, 0);
    this.exchanges.push({ offsetMs: roomMs - (sentMs + receivedMs) / 2, delayMs, receivedMs });
    if (this.exchanges.length > WINDOW_EXCHANGES) this.exchanges.shift();
  }

  /** The room may have been opened anew, with another clock. */
  restart(): void {
    this.exchanges = [];
  }

  /** Milliseconds since the room was opened; `undefined` before the first exchange. */
  read(nowMs: number): number | undefined {
    const best = this.best();
    return best && nowMs + best.offsetMs;
  }

  /** The same with its error: half of the way, because nobody knows how it divides into there and back, and drift since. */
  reading(nowMs: number): RoomReading | null {
    const best = this.best();
    if (best === undefined) return null;
    const driftMs = (Math.max(nowMs - best.receivedMs, 0) * DRIFT_PPM) / 1_000_000;
    return { roomMs: nowMs + best.offsetMs + GRAIN_MS / 2, errorMs: best.delayMs / 2 + GRAIN_MS / 2 + driftMs };
  }

  private best(): Exchange | undefined {
    return this.exchanges.reduce<Exchange | undefined>(
      (best, exchange) => (best && best.delayMs <= exchange.delayMs ? best : exchange),
      undefined,
    );
  }
}
