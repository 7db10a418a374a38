import { describe, expect, it } from 'vitest';
import { WHOLE, ZOOM_MAX, fitScale, panned, zoomed } from './zoom';

const SCREEN = { width: 1920, height: 1080 };
const FRAME = { width: 960, height: 700 };

describe('the shared screen', () => {
  it('is shown whole at first, as large as fits', () => {
    expect(fitScale(SCREEN, FRAME)).toBe(0.5);
    expect(fitScale({ width: 0, height: 0 }, FRAME)).toBe(1);
  });

  it('keeps the point under the pointer where it is while it is zoomed', () => {
    const at = { x: 100, y: -50 };
    const view = zoomed(WHOLE, 4, at.x, at.y, SCREEN, FRAME);
    const before = { x: (at.x - WHOLE.x) / WHOLE.zoom, y: (at.y - WHOLE.y) / WHOLE.zoom };
    expect((at.x - view.x) / view.zoom).toBeCloseTo(before.x, 9);
    expect((at.y - view.y) / view.zoom).toBeCloseTo(before.y, 9);
  });

  it('is neither smaller than whole nor larger than the limit', () => {
    expect(zoomed(WHOLE, 0.1, 0, 0, SCREEN, FRAME)).toEqual(WHOLE);
    expect(zoomed(WHOLE, 1000, 0, 0, SCREEN, FRAME).zoom).toBe(ZOOM_MAX);
  });

  it('is not moved while it is whole, and never out of the frame', () => {
    expect(panned(WHOLE, 50, 50, SCREEN, FRAME)).toEqual(WHOLE);
    const far = panned(zoomed(WHOLE, 2, 0, 0, SCREEN, FRAME), 10_000, -10_000, SCREEN, FRAME);
    expect(far.x).toBe((SCREEN.width * 0.5 * 2 - FRAME.width) / 2);
    expect(far.y).toBe(-(SCREEN.height * 0.5 * 2 - FRAME.height) / 2);
  });

  it('comes back to the middle when it is zoomed out', () => {
    const moved = panned(zoomed(WHOLE, 3, 0, 0, SCREEN, FRAME), 300, 200, SCREEN, FRAME);
    expect(zoomed(moved, 1 / 3, 0, 0, SCREEN, FRAME)).toEqual(WHOLE);
  });
});
