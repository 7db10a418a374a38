/** The room clock, estimated from questions and answers. */

/** Exchanges that the filter looks back on (RFC 5905 section 10: eight stages). */
const WINDOW_EXCHANGES = 8;

interface Exchange {
  offsetMs: number;
  delayMs: number;
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
    this.exchanges.push({ offsetMs: roomMs - (sentMs + receivedMs) / 2, delayMs });
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

  private best(): Exchange | undefined {
    return this.exchanges.reduce<Exchange | undefined>(
      (best, exchange) => (best && best.delayMs <= exchange.delayMs ? best : exchange),
      undefined,
    );
  }
}
