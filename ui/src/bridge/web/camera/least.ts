/** The least value of late: of the last ten to twenty seconds. */

const SPAN_MS = 10_000;

export class Least {
  private current: number | undefined;
  private before: number | undefined;

  constructor(private sinceMs: number) {}

  /** Takes a value in and gives the least. */
  of(value: number, nowMs: number): number {
    if (nowMs - this.sinceMs >= SPAN_MS) {
      this.before = this.current;
      this.current = undefined;
      this.sinceMs = nowMs;
    }
    this.current = Math.min(this.current ?? value, value);
    return Math.min(this.current, this.before ?? this.current);
  }

  /** Nothing was taken in for so long that what is known is of no use. */
  isStale(nowMs: number): boolean {
    return nowMs - this.sinceMs >= 2 * SPAN_MS;
  }
}
