import { describe, expect, it } from 'vitest';
import { NO_CLOCK, read, roomNow } from './clock';
import { random } from './testing/random';

describe('the room clock', () => {
  it('is not known before it was read', () => {
    expect(roomNow(NO_CLOCK, 5)).toBeNull();
  });

  it('is off by no more than the fastest message took', () => {
    const chance = random(4);
    let clock = NO_CLOCK;
    const offset = 123_456;
    let fastest = Infinity;
    for (let local = 0; local < 10_000; local += 1_000) {
      const late = chance.whole(3, 200);
      fastest = Math.min(fastest, late);
      clock = read(clock, local + offset - late, local);
    }
    expect(roomNow(clock, 20_000)).toBe(20_000 + offset - fastest);
  });
});
