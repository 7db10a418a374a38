/** How long to wait before the next attempt. */

const FIRST_MS = 100;
/** On a local network a server that is back should be found soon. */
const MAX_MS = 1_000;

/**
 * Exponential backoff with full jitter: each wait is drawn evenly between nothing and a ceiling that
 * doubles, so that many clients of one server do not come back at once (Brooker, "Exponential Backoff and
 * Jitter", AWS Architecture Blog, 2015).
 */
export class Backoff {
  private tried = 0;

  /** Attempts since the last success. */
  get attempts(): number {
    return this.tried;
  }

  /** The wait before the next attempt; `random` is drawn evenly from 0 to 1. */
  nextWaitMs(random: number): number {
    const ceiling = Math.min(FIRST_MS * 2 ** Math.min(this.tried, 16), MAX_MS);
    this.tried += 1;
    return random * ceiling;
  }

  succeeded(): void {
    this.tried = 0;
  }
}
