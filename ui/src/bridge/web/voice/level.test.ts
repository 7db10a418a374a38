/** Loudness as a meter shows it, and whether somebody talks. */

import { describe, expect, it } from 'vitest';
import { TalkDetector, loudnessDb, meterLevel } from './level';

describe('loudness', () => {
  it('of a full-scale sine is 3 dB below full scale, and silence is far below', () => {
    const sine = Float32Array.from({ length: 4_800 }, (_, at) => Math.sin((2 * Math.PI * at) / 48));
    expect(loudnessDb(sine)).toBeCloseTo(-3.01, 2);
    expect(loudnessDb(sine.map((sample) => sample / 10))).toBeCloseTo(-23.01, 2);
    expect(loudnessDb(new Float32Array(100))).toBe(-120);
    expect(loudnessDb(new Float32Array(0))).toBe(-120);
  });

  it('is shown evenly from -60 dB to full scale', () => {
    expect([-120, -60, -30, -15, 0, 6].map(meterLevel)).toEqual([0, 0, 0.5, 0.75, 1, 1]);
  });
});

describe('talking', () => {
  /** Hears 15 readings a second of so many dB; gives what the last one decided. */
  function hear(detector: TalkDetector, db: number, fromMs: number, toMs: number): boolean {
    let talks = false;
    for (let at = fromMs; at < toMs; at += 66) talks = detector.heard(db, at);
    return talks;
  }

  it('is told of after a while of it, and no cough is taken for it', () => {
    const detector = new TalkDetector();
    expect(hear(detector, -70, 0, 1_000)).toBe(false);
    expect(hear(detector, -20, 1_000, 1_300)).toBe(false);
    expect(hear(detector, -70, 1_300, 3_000)).toBe(false);
    expect(hear(detector, -20, 3_000, 3_600)).toBe(true);
  });

  it('goes on through the gaps between words, and ends with silence', () => {
    const detector = new TalkDetector();
    hear(detector, -20, 0, 1_000);
    expect(hear(detector, -70, 1_000, 2_500)).toBe(true);
    expect(hear(detector, -70, 2_500, 4_000)).toBe(false);
    detector.reset();
    expect(detector.heard(-20, 4_100)).toBe(false);
  });
});
