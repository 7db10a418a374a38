import { describe, expect, it } from 'vitest';
import { type Layout, type LayoutName, type LayoutWish, type Rect, layOut, layerFor, TILE_WIDTH_PX_MIN } from './layout';
import { random } from './testing/random';

const LAYOUTS: readonly LayoutName[] = ['grid', 'speaker', 'presentation'];

function wish(people: number, change: Partial<LayoutWish> = {}): LayoutWish {
  return {
    width: 1280,
    height: 720,
    pixelRatio: 1,
    layout: 'grid',
    order: Array.from({ length: people }, (_, at) => at + 1),
    main: null,
    screen: false,
    page: 0,
    ...change,
  };
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function inside(inner: Rect, width: number, height: number): boolean {
  return inner.x >= 0 && inner.y >= 0 && inner.x + inner.width <= width && inner.y + inner.height <= height;
}

describe('layouts of any size', () => {
  const chance = random(1);
  const cases = Array.from({ length: 2_000 }, () =>
    wish(chance.whole(0, 60), {
      width: chance.whole(1, 3_840) + chance.next(),
      height: chance.whole(1, 2_160) + chance.next(),
      pixelRatio: chance.pick([1, 1.5, 2, 3]),
      layout: chance.pick(LAYOUTS),
      main: chance.pick([null, 1, 2, 99]),
      screen: chance.next() < 0.5,
      screenAspect: chance.pick([null, 4 / 3, 16 / 9, 0.5]) ?? undefined,
      page: chance.whole(-1, 9),
      speaker: chance.pick([null, 3, 30, 99]),
    }),
  );

  it('lie inside of the stage and never overlap', () => {
    const wrong = cases.filter((one) => {
      const { screen, tiles } = layOut(one);
      const rects: Rect[] = screen === null ? tiles : [screen, ...tiles];
      return rects.some(
        (rect, at) =>
          !inside(rect, one.width, one.height) || rects.slice(at + 1).some((other) => overlap(rect, other)),
      );
    });
    expect(wrong).toEqual([]);
  });

  it('show everybody once, on one page or another, beside who is large', () => {
    const wrong = cases.filter((one) => {
      const { pages, tiles } = layOut({ ...one, page: 0 });
      const main = tiles.find((tile) => tile.part === 'main');
      const placed = Array.from({ length: pages }, (_, page) => layOut({ ...one, page }).tiles)
        .flat()
        .filter((tile) => tile.part !== 'main')
        .map((tile) => tile.id);
      const sorted = [...placed].sort((a, b) => a - b);
      return sorted.join() !== one.order.filter((id) => id !== main?.id).join();
    });
    expect(wrong).toEqual([]);
  });

  it('count as hidden who has no tile', () => {
    const wrong = cases.filter((one) => {
      const { tiles, hidden } = layOut(one);
      const shown = new Set(tiles.map((tile) => tile.id));
      return hidden.join() !== one.order.filter((id) => !shown.has(id)).join();
    });
    expect(wrong).toEqual([]);
  });

  it('ask for the page that there is', () => {
    const wrong = cases.filter((one) => {
      const { page, pages } = layOut(one);
      return page < 0 || page >= pages;
    });
    expect(wrong).toEqual([]);
  });
});

describe('a grid', () => {
  it('gives one person the whole height', () => {
    const [only] = layOut(wish(1)).tiles;
    expect(only).toMatchObject({ x: 0, y: 0, width: 1280, height: 720 });
  });

  it('of four is two by two', () => {
    const { tiles } = layOut(wish(4));
    expect(new Set(tiles.map((tile) => tile.x)).size).toBe(2);
    expect(new Set(tiles.map((tile) => tile.y)).size).toBe(2);
  });

  it('centres its last row', () => {
    const tiles = layOut(wish(3)).tiles;
    const last = tiles[2];
    expect(last).toBeDefined();
    expect(Math.abs((last?.x ?? 0) + (last?.width ?? 0) / 2 - 640)).toBeLessThanOrEqual(1);
  });

  it('stacks people on a telephone held upright', () => {
    const { tiles } = layOut(wish(2, { width: 360, height: 640 }));
    expect(tiles[0]?.x).toBe(tiles[1]?.x);
    expect(tiles[1]?.y).toBeGreaterThan(tiles[0]?.y ?? 0);
  });

  it('cuts more of the sides where the stage is upright', () => {
    const ratio = (width: number, height: number) => {
      const [tile] = layOut(wish(6, { width, height })).tiles;
      return (tile?.width ?? 0) / (tile?.height ?? 1);
    };
    expect(ratio(366, 700)).toBeCloseTo(0.8, 1);
    expect(ratio(700, 640)).toBeGreaterThanOrEqual(0.99);
  });

  it('turns pages rather than making tiles too small', () => {
    const small = layOut(wish(40, { width: 640, height: 480 }));
    expect(small.pages).toBeGreaterThan(1);
    for (const tile of small.tiles) expect(tile.width).toBeGreaterThanOrEqual(TILE_WIDTH_PX_MIN);
  });

  it('has who speaks on its first page, and nobody else moves', () => {
    const small = { width: 640, height: 480 };
    const quiet = layOut(wish(40, small));
    const spoken = layOut(wish(40, { ...small, speaker: 33 }));
    const ids = (layout: Layout) => layout.tiles.map((tile) => tile.id);
    expect(ids(quiet)).not.toContain(33);
    expect(ids(spoken)).toEqual([...ids(quiet).slice(0, -1), 33]);
    expect(layOut(wish(40, { ...small, speaker: 2 })).tiles).toEqual(quiet.tiles);
  });

  it('keeps the size of its tiles from page to page', () => {
    const pages = layOut(wish(40, { width: 640, height: 480 })).pages;
    const last = layOut(wish(40, { width: 640, height: 480, page: pages - 1 }));
    expect(last.tiles[0]?.width).toBe(layOut(wish(40, { width: 640, height: 480 })).tiles[0]?.width);
  });
});

describe('a speaker', () => {
  it('is larger than all the others', () => {
    const { tiles } = layOut(wish(6, { layout: 'speaker', main: 4 }));
    const main = tiles.find((tile) => tile.part === 'main');
    expect(main?.id).toBe(4);
    for (const tile of tiles) if (tile !== main) expect(tile.height).toBeLessThan(main?.height ?? 0);
  });

  it('alone has the whole stage', () => {
    const { tiles } = layOut(wish(1, { layout: 'speaker', main: 1 }));
    expect(tiles).toEqual([{ id: 1, part: 'main', x: 0, y: 0, width: 1280, height: 720, layer: 'large' }]);
  });
});

describe('a presentation', () => {
  it('leaves no bands beside a screen on an upright phone: people get the room', () => {
    const phone = wish(4, { layout: 'presentation', screen: true, width: 390, height: 700, screenAspect: 16 / 9 });
    const { screen, tiles, hidden } = layOut(phone);
    expect(screen).toEqual({ x: 0, y: 0, width: 390, height: 219 });
    expect(hidden).toEqual([]);
    expect(tiles.every((tile) => tile.y >= 219 && tile.width >= TILE_WIDTH_PX_MIN)).toBe(true);
  });

  it('keeps the strip where the screen is as tall as the stage allows', () => {
    const phone = { layout: 'presentation', screen: true, width: 390, height: 700 } as const;
    const { screen, tiles } = layOut(wish(4, { ...phone, screenAspect: 0.5 }));
    expect(screen).toEqual(layOut(wish(4, phone)).screen);
    expect(tiles.every((tile) => tile.part === 'strip')).toBe(true);
  });

  it('gives most of the stage to the screen', () => {
    const { screen, tiles } = layOut(wish(6, { layout: 'presentation', screen: true }));
    const area = (screen?.width ?? 0) * (screen?.height ?? 0);
    expect(area).toBeGreaterThan(1280 * 720 * 0.7);
    expect(tiles.every((tile) => tile.part === 'strip')).toBe(true);
  });

  it('without a screen is a speaker', () => {
    const { screen, tiles } = layOut(wish(3, { layout: 'presentation', main: 2 }));
    expect(screen).toBeNull();
    expect(tiles[0]).toMatchObject({ id: 2, part: 'main' });
  });
});

describe('the layer of a tile', () => {
  it('is the smallest that looks sharp', () => {
    expect(layerFor(120, 1)).toBe('thumbnail');
    expect(layerFor(200, 1)).toBe('thumbnail');
    expect(layerFor(300, 1)).toBe('normal');
    expect(layerFor(700, 1)).toBe('large');
  });

  it('follows the pixels of the display', () => {
    expect(layerFor(200, 2)).toBe('normal');
    expect(layerFor(300, 2)).toBe('large');
  });
});
