/** How loud a microphone is, as a meter shows it, and whether somebody talks. */

/** The quietest that a meter shows: a quiet room, in dB below full scale. */
const FLOOR_DB = -60;
/** Talking is above this; typing and breath are mostly below. */
const TALK_DB = -42;
/** So much of talking in a row is no cough. */
const TALK_AFTER_MS = 400;
/** After so long without a word it is over. */
const QUIET_AFTER_MS = 2_500;
/** A gap between syllables. */
const GAP_MS = 200;

/** Root mean square of samples between -1 and 1, in dB below full scale. */
export function loudnessDb(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
}

/** 0 to 1, even to the ear. */
export function meterLevel(db: number): number {
  return Math.min(Math.max(1 - db / FLOOR_DB, 0), 1);
}

/** Decides from loudness whether somebody talks. */
export class TalkDetector {
  private sinceMs: number | undefined;
  private lastMs = -Infinity;
  private isTalking = false;

  /** Takes the loudness of now; true while somebody talks. */
  heard(db: number, nowMs: number): boolean {
    if (db > TALK_DB) {
      if (nowMs - this.lastMs > GAP_MS) this.sinceMs = nowMs;
      this.lastMs = nowMs;
    }
    if (nowMs - this.lastMs > QUIET_AFTER_MS) this.isTalking = false;
    else if (this.sinceMs !== undefined && this.lastMs - this.sinceMs >= TALK_AFTER_MS) {
      this.isTalking = true;
    }
    return this.isTalking;
  }

  reset(): void {
    this.sinceMs = undefined;
    this.lastMs = -Infinity;
    this.isTalking = false;
  }
}
