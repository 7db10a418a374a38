import { describe, expect, it } from 'vitest';
import { permille, roundTrip } from './measuring';

describe('the round trip that is told', () => {
  it('is that of the network, however late the page is', () => {
    expect(roundTrip(900_000, 2)).toBe(2_000);
    expect(roundTrip(1_500, 4)).toBe(1_500);
  });

  it('is the echo where the browser has checked nothing, and none where nothing came back', () => {
    expect(roundTrip(1_500, null)).toBe(1_500);
    expect(roundTrip(1_500, 0)).toBe(1_500);
    expect(roundTrip(0, 3)).toBe(0);
  });
});

describe('loss', () => {
  it('is in thousandths of what should have come, and unknown when nothing should have', () => {
    expect(permille([{ received: 0, lost: 0 }])).toBeNull();
    expect(permille([{ received: 90, lost: 10 }, { received: 100, lost: 0 }])).toBe(50);
    expect(permille([{ received: 0, lost: 9 }])).toBe(1_000);
  });
});
