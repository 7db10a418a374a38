/** What of a screen is sent, and how much of it at once: the rules without a browser. */

import { describe, expect, it } from 'vitest';
import { ScreenChanges } from './changes';
import { TileGrid, changedTiles, halves, spans } from './grid';
import { AckWindow } from './window';

const WIDTH = 200;
const HEIGHT = 130;

function grid(width = WIDTH, height = HEIGHT): TileGrid {
  const made = TileGrid.of(width, height);
  if (made === undefined) throw new Error('a screen of this size can be');
  return made;
}

function picture(): Uint32Array {
  return new Uint32Array(WIDTH * HEIGHT).map((_, at) => at * 2_654_435_761);
}

function marked(set: Uint8Array): number[] {
  return [...set.keys()].filter((tile) => set[tile] === 1);
}

describe('a grid of tiles', () => {
  it('cuts the last column and row', () => {
    expect([grid().columns, grid().rows]).toEqual([4, 3]);
    expect(grid().pixels({ x: 3, y: 2, width: 1 })).toEqual({ x: 192, y: 128, width: 8, height: 2 });
    expect(grid().pixels({ x: 1, y: 0, width: 3 })).toEqual({ x: 64, y: 0, width: 136, height: 64 });
  });

  it('is not made for a screen of nothing or one that is too large', () => {
    for (const [width, height] of [[0, 1], [1, 0], [15_361, 1], [15_360, 15_360]] as const) {
      expect(TileGrid.of(width, height)).toBeUndefined();
    }
    expect(TileGrid.of(15_360, 4_320)).toBeDefined();
  });

  it('knows what lies within', () => {
    expect(grid().contains({ x: 0, y: 2, width: 4 })).toBe(true);
    expect(grid().contains({ x: 1, y: 2, width: 4 })).toBe(false);
    expect(grid().contains({ x: 0, y: 3, width: 1 })).toBe(false);
    expect(grid().contains({ x: 0, y: 0, width: 0 })).toBe(false);
  });

  it('groups tiles of a row into runs', () => {
    const set = Uint8Array.of(1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1);
    expect(spans(grid(), set, 3)).toEqual([
      { x: 0, y: 0, width: 3 },
      { x: 1, y: 1, width: 1 },
      { x: 3, y: 1, width: 1 },
      { x: 0, y: 2, width: 3 },
      { x: 3, y: 2, width: 1 },
    ]);
    expect(halves({ x: 4, y: 1, width: 5 })).toEqual([
      { x: 4, y: 1, width: 2 },
      { x: 6, y: 1, width: 3 },
    ]);
    expect(halves({ x: 4, y: 1, width: 1 })).toBeUndefined();
  });

  it('finds the tile of any pixel that differs', () => {
    const before = picture();
    for (const [x, y, tile] of [[0, 0, 0], [63, 63, 0], [64, 63, 1], [199, 129, 11], [0, 128, 8]] as const) {
      const current = before.slice();
      current[y * WIDTH + x]! ^= 1;
      expect(marked(changedTiles(grid(), before, current))).toEqual([tile]);
    }
  });
});

describe('the changes of a screen', () => {
  it('are sent with loss at once, and exactly when they have stood still for 150 ms', () => {
    const changes = new ScreenChanges(grid());
    const first = changes.frame(picture(), 0);
    expect(marked(first.changed)).toHaveLength(12);
    expect(marked(first.still)).toEqual([]);
    expect(changes.nextWakeMs).toBe(150);
    expect(changes.same(149).isEmpty).toBe(true);

    const moved = picture();
    moved[0] = 7;
    expect(marked(changes.frame(moved, 149).changed)).toEqual([0]);
    const still = changes.same(150);
    expect(marked(still.changed)).toEqual([]);
    expect(marked(still.still)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(marked(changes.same(299).still)).toEqual([0]);
    expect(changes.nextWakeMs).toBe(Infinity);
  });

  it('are everything after a refresh, though nothing is captured', () => {
    const changes = new ScreenChanges(grid());
    changes.frame(picture(), 0);
    changes.same(150);
    changes.refresh();
    expect(changes.nextWakeMs).toBeLessThanOrEqual(200);
    expect(marked(changes.same(200).changed)).toHaveLength(12);
    expect(changes.same(201).isEmpty).toBe(true);
  });
});

describe('what is unacknowledged', () => {
  it('has room for 256 KiB', () => {
    const window = new AckWindow();
    window.sent(200 * 1_024);
    expect(window.hasRoom(56 * 1_024)).toBe(true);
    expect(window.hasRoom(56 * 1_024 + 1)).toBe(false);
    expect(window.acknowledge(100 * 1_024)).toBe(true);
    expect(window.hasRoom(156 * 1_024)).toBe(true);
  });

  it('is counted across the end of 32 bits', () => {
    const window = new AckWindow();
    for (let sent = 0; sent < 2 ** 32 + 65_536; sent += 65_536) {
      window.sent(65_536);
      expect(window.acknowledge((sent + 65_536) >>> 0)).toBe(true);
    }
    expect(window.hasRoom(256 * 1_024)).toBe(true);
  });

  it('cannot be more than was sent', () => {
    const window = new AckWindow();
    window.sent(10);
    expect(window.acknowledge(11)).toBe(false);
  });
});
