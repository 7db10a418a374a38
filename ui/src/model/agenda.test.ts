import { describe, expect, it } from 'vitest';
import { clockText, timeLeft } from './agenda';

describe('the time that is left', () => {
  it.each([
    [3_723_000, '1:02:03'],
    [545_000, '9:05'],
    [999, '0:01'],
    [0, '0:00'],
  ])('%i ms is %s', (ms, shown) => {
    const left = timeLeft(ms, 0);
    expect(left === null ? null : clockText(left)).toBe(shown);
  });

  it('passes its marks one after the other', () => {
    const marks = [11 * 60_000, 10 * 60_000, 5 * 60_000, 60_001, 60_000, 0].map((ms) => timeLeft(ms, 0)?.mark);
    expect(marks).toEqual([null, 600_000, 300_000, 300_000, 60_000, 60_000]);
  });

  it('is never less than nothing, and nothing without a limit', () => {
    expect(timeLeft(100, 200)?.ms).toBe(0);
    expect(timeLeft(null, 0)).toBeNull();
    expect(timeLeft(100, null)).toBeNull();
  });
});
