/** Signs of life on a link: when to send one, and when the other side is gone. */

/** A beat that nothing was heard after for so long: the other side is gone. */
export const DEAD_AFTER_MS = 6_000;

/**
 * The watchdog of one link. Timers of a page in the background run late, so silence counts only from a
 * beat that was really sent.
 */
export class Heartbeat {
  private askedMs: number | undefined;
  private sentMs: number;

  constructor(
    nowMs: number,
    private readonly intervalMs: number,
  ) {
    this.sentMs = nowMs - intervalMs;
  }

  /** Something was heard, whatever it was. */
  heard(): void {
    this.askedMs = undefined;
  }

  /** Call when `nextWakeMs` has come. A beat that is due counts as sent. */
  wake(nowMs: number): 'beat' | 'dead' | undefined {
    if (this.askedMs !== undefined && nowMs - this.askedMs >= DEAD_AFTER_MS) return 'dead';
    if (nowMs - this.sentMs < this.intervalMs) return undefined;
    this.sentMs = nowMs;
    this.askedMs ??= nowMs;
    return 'beat';
  }

  nextWakeMs(): number {
    return Math.min(this.sentMs + this.intervalMs, (this.askedMs ?? Infinity) + DEAD_AFTER_MS);
  }
}
