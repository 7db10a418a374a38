/** Speed of a transfer over the last seconds. */

const WINDOW_MS = 3_000;

export class Progress {
  private readings: { atMs: number; bytes: number }[] = [];

  /** So many bytes are done in all. */
  reach(bytes: number, nowMs: number): void {
    this.readings.push({ atMs: nowMs, bytes });
    while (this.readings.length > 2 && nowMs - (this.readings[0]?.atMs ?? nowMs) > WINDOW_MS) {
      this.readings.shift();
    }
  }

  /** After a pause, or when the server has less than was sent. */
  restart(): void {
    this.readings = [];
  }

  bytesPerSecond(): number {
    const first = this.readings[0];
    const last = this.readings[this.readings.length - 1];
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return Math.round((1_000 * (last.bytes - first.bytes)) / (last.atMs - first.atMs));
  }
}
