/** Where everybody stands: a pure function from the room that there is to rectangles and camera layers. */

import type { Layer, ParticipantId } from '../wire';

export type LayoutName = 'grid' | 'speaker' | 'presentation';

/** Space between tiles, in CSS pixels. */
export const GAP_PX = 8;
/** A tile of the grid is not narrower than this: what does not fit is on the next page. */
export const TILE_WIDTH_PX_MIN = 144;
/** Tiles on a page at most, whatever the screen: nobody recognises more faces. */
export const TILES_PAGE_MAX = 25;
/** Cameras are 16:9; a tile may be taller and cuts the sides then, more of them where the stage is upright. */
const WIDEST = 16 / 9;
const TALLEST = 1;
const TALLEST_UPRIGHT = 4 / 5;
/** The strip beside a large picture takes this share of the stage, within bounds in pixels. */
const STRIP_SHARE = 0.2;
const STRIP_PX_MIN = 96;
const STRIP_PX_MAX = 256;
/** The strip is at the side where the stage is wider than this. */
const WIDE = 1.2;
/** A layer is enough up to this many times its height: the eye does not see the difference. */
const ENLARGED_MAX = 1.25;
const LAYERS: readonly (readonly [Layer, number])[] = [
  ['thumbnail', 180],
  ['normal', 360],
];

export interface Rect {
  /** In CSS pixels from the stage's upper left corner; whole numbers. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedTile extends Rect {
  id: ParticipantId;
  part: 'grid' | 'main' | 'strip';
  /** The largest that is of use here. */
  layer: Layer;
}

export interface Layout {
  /** Where the shared screen is, in the presentation layout. */
  screen: Rect | null;
  tiles: PlacedTile[];
  /** People who have no tile now. */
  hidden: ParticipantId[];
  page: number;
  pages: number;
}

export interface LayoutWish {
  /** The stage, in CSS pixels. */
  width: number;
  height: number;
  /** `devicePixelRatio`. */
  pixelRatio: number;
  layout: LayoutName;
  /** Everybody, the most important first. */
  order: readonly ParticipantId[];
  /** Who has the large picture of the speaker layout. */
  main: ParticipantId | null;
  /** Who speaks, or did so last: on the first page in any case. */
  speaker?: ParticipantId | null;
  /** A screen is shown. */
  screen: boolean;
  /** Its width by its height, when that is known: on an upright stage it takes no more than it fills. */
  screenAspect?: number | undefined;
  page: number;
}

/** Places everybody who fits. Tiles lie inside of the stage and never overlap. */
export function layOut(wish: LayoutWish): Layout {
  const stage = { x: 0, y: 0, width: Math.floor(wish.width), height: Math.floor(wish.height) };
  if (stage.width <= 0 || stage.height <= 0) {
    return { screen: null, tiles: [], hidden: [...wish.order], page: 0, pages: 1 };
  }
  if (wish.layout === 'presentation' && wish.screen) return presentation(wish, stage);
  const main = wish.layout === 'grid' ? null : (wish.main ?? wish.order[0] ?? null);
  return main === null ? grid(wish, stage) : speaker(wish, stage, main);
}

/** The layer for a tile of this height in CSS pixels. */
export function layerFor(heightPx: number, pixelRatio: number): Layer {
  const pixels = heightPx * pixelRatio;
  const enough = LAYERS.find(([, layerPx]) => pixels <= layerPx * ENLARGED_MAX);
  return enough === undefined ? 'large' : enough[0];
}

function presentation(wish: LayoutWish, stage: Rect): Layout {
  if (wish.order.length === 0) return { screen: stage, tiles: [], hidden: [], page: 0, pages: 1 };
  const [large, side] = split(stage);
  const needed = Math.floor(stage.width / (wish.screenAspect ?? 0));
  if (side.y > large.y && needed < large.height) {
    // Bands above and below the screen would show nobody; people get them.
    const top = needed + GAP_PX;
    const rest = { ...stage, y: stage.y + top, height: stage.height - top };
    return { ...grid(wish, rest), screen: { ...large, height: needed } };
  }
  return { screen: large, ...strip(wish, side, wish.order) };
}

function speaker(wish: LayoutWish, stage: Rect, main: ParticipantId): Layout {
  const others = wish.order.filter((id) => id !== main);
  const [large, side] = others.length === 0 ? [stage, null] : split(stage);
  const first = tile(main, 'main', large, wish);
  if (side === null) return { screen: null, tiles: [first], hidden: [], page: 0, pages: 1 };
  const row = strip(wish, side, others);
  return { screen: null, ...row, tiles: [first, ...row.tiles] };
}

function grid(wish: LayoutWish, stage: Rect): Layout {
  const perPage = fitting(stage, wish.order.length);
  const pages = Math.max(1, Math.ceil(wish.order.length / perPage));
  const page = Math.min(Math.max(0, wish.page), pages - 1);
  const shown = withSpeaker(wish.order, wish.speaker ?? null, perPage).slice(page * perPage, (page + 1) * perPage);
  // Every page has tiles of the size of a full one, so that they do not jump when pages are turned.
  const count = pages === 1 ? shown.length : perPage;
  const rects = cells(stage, count, shown.length);
  return {
    screen: null,
    tiles: shown.flatMap((id, at) => {
      const rect = rects[at];
      return rect === undefined ? [] : [tile(id, 'grid', rect, wish)];
    }),
    hidden: wish.order.filter((id) => !shown.includes(id)),
    page,
    pages,
  };
}

/** The speaker takes the last place of the first page, and who was there takes theirs; nobody else moves. */
function withSpeaker(
  order: readonly ParticipantId[],
  speaker: ParticipantId | null,
  perPage: number,
): readonly ParticipantId[] {
  const last = order[perPage - 1];
  if (speaker === null || last === undefined || order.indexOf(speaker) < perPage) return order;
  return order.map((id) => (id === speaker ? last : id === last ? speaker : id));
}

/** How many tiles fit a page without being too small to know somebody; at least 1. */
function fitting(stage: Rect, wanted: number): number {
  for (let count = Math.min(wanted, TILES_PAGE_MAX); count > 1; count -= 1) {
    if (bestGrid(stage, count).width >= TILE_WIDTH_PX_MIN) return count;
  }
  return 1;
}

interface Grid {
  columns: number;
  width: number;
  height: number;
}

/** The number of columns that makes the tiles largest. */
function bestGrid(stage: Rect, count: number): Grid {
  let best: Grid = { columns: 1, width: 0, height: 0 };
  const tallest = stage.height > stage.width ? TALLEST_UPRIGHT : TALLEST;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = fit(
      (stage.width - GAP_PX * (columns - 1)) / columns,
      (stage.height - GAP_PX * (rows - 1)) / rows,
      tallest,
    );
    if (size.width * size.height > best.width * best.height) best = { columns, ...size };
  }
  return best;
}

/** The largest tile in a cell whose sides are not more uneven than a camera's. */
function fit(width: number, height: number, tallest: number): { width: number; height: number } {
  const w = Math.max(0, Math.min(width, height * WIDEST));
  const h = Math.max(0, Math.min(height, w / tallest));
  return { width: Math.floor(w), height: Math.floor(h) };
}

/** The first `used` cells of a grid for `count`, the whole in the middle of the stage, the last row in the middle of its line. */
function cells(stage: Rect, count: number, used: number): Rect[] {
  if (count === 0) return [];
  const { columns, width, height } = bestGrid(stage, count);
  const rows = Math.ceil(count / columns);
  const top = Math.floor((stage.height - rows * height - (rows - 1) * GAP_PX) / 2);
  return Array.from({ length: used }, (_, at) => {
    const row = Math.floor(at / columns);
    const inRow = Math.min(columns, used - row * columns);
    const left = Math.floor((stage.width - inRow * width - (inRow - 1) * GAP_PX) / 2);
    return {
      x: stage.x + left + (at % columns) * (width + GAP_PX),
      y: stage.y + top + row * (height + GAP_PX),
      width,
      height,
    };
  });
}

/** The large part of a stage and the strip beside or below it. */
function split(stage: Rect): [Rect, Rect] {
  const wide = stage.width >= stage.height * WIDE;
  const along = wide ? stage.width : stage.height;
  const wished = Math.min(Math.max(along * STRIP_SHARE, STRIP_PX_MIN), STRIP_PX_MAX);
  // On the smallest stages the strip must not take most of it.
  const side = Math.floor(Math.min(wished, along / 3));
  const large = Math.max(0, along - side - GAP_PX);
  return wide
    ? [
        { ...stage, width: large },
        { ...stage, x: stage.x + large + GAP_PX, width: side },
      ]
    : [
        { ...stage, height: large },
        { ...stage, y: stage.y + large + GAP_PX, height: side },
      ];
}

/** As many tiles as fit a strip, from its beginning. */
function strip(wish: LayoutWish, side: Rect, ids: readonly ParticipantId[]): Omit<Layout, 'screen'> {
  const upright = side.height > side.width;
  const width = upright ? side.width : Math.floor(Math.min(side.width, side.height * WIDEST));
  const height = upright ? Math.floor(Math.min(side.height, side.width / WIDEST)) : side.height;
  const [along, step] = upright ? [side.height, height] : [side.width, width];
  const perPage = Math.max(1, Math.floor((along + GAP_PX) / (step + GAP_PX)));
  const pages = Math.max(1, Math.ceil(ids.length / perPage));
  const page = Math.min(Math.max(0, wish.page), pages - 1);
  const shown = withSpeaker(ids, wish.speaker ?? null, perPage).slice(page * perPage, (page + 1) * perPage);
  const tiles = shown.map((id, at) => {
    const offset = at * (step + GAP_PX);
    const rect = upright ? { x: side.x, y: side.y + offset } : { x: side.x + offset, y: side.y };
    return tile(id, 'strip', { ...rect, width, height }, wish);
  });
  return { tiles, hidden: ids.filter((id) => !shown.includes(id)), page, pages };
}

function tile(id: ParticipantId, part: PlacedTile['part'], rect: Rect, wish: LayoutWish): PlacedTile {
  return { id, part, ...rect, layer: layerFor(rect.height, wish.pixelRatio) };
}
