/** Where tiles are, and how they are grouped into runs. */

import { SCREEN_PIXELS_MAX, SCREEN_SIDE_PX_MAX, TILE_PX } from '../protocol/screen';

/** Widest run: a noisy picture of it as JPEG still fits one message, and a lost bet is not dear. */
export const RUN_TILES_MAX = 16;

/** Adjacent tiles of one row. */
export interface Span {
  x: number;
  y: number;
  width: number;
}

export interface PixelRect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A screen of some size, divided into tiles; the last column and row may be cut. */
export class TileGrid {
  readonly columns: number;
  readonly rows: number;

  private constructor(
    readonly widthPx: number,
    readonly heightPx: number,
  ) {
    this.columns = Math.ceil(widthPx / TILE_PX);
    this.rows = Math.ceil(heightPx / TILE_PX);
  }

  /** `undefined` for a screen of nothing, or one that is too large. */
  static of(widthPx: number, heightPx: number): TileGrid | undefined {
    const isSide = (px: number): boolean => px >= 1 && px <= SCREEN_SIDE_PX_MAX;
    const fits = isSide(widthPx) && isSide(heightPx) && widthPx * heightPx <= SCREEN_PIXELS_MAX;
    return fits ? new TileGrid(widthPx, heightPx) : undefined;
  }

  get tiles(): number {
    return this.columns * this.rows;
  }

  contains({ x, y, width }: Span): boolean {
    return width > 0 && y < this.rows && x + width <= this.columns;
  }

  /** The pixels of a span that lies within, cut at the screen's edges. */
  pixels(span: Span): PixelRect {
    const x = span.x * TILE_PX;
    const y = span.y * TILE_PX;
    return {
      x,
      y,
      width: Math.min(span.width * TILE_PX, this.widthPx - x),
      height: Math.min(TILE_PX, this.heightPx - y),
    };
  }
}

/** One byte a tile, in reading order: 1 when it belongs to the set. */
export type TileSet = Uint8Array;

/** Groups tiles into spans of at most `widthMax`, in reading order. */
export function spans(grid: TileGrid, set: TileSet, widthMax: number): Span[] {
  const found: Span[] = [];
  for (let y = 0; y < grid.rows; y += 1) {
    let open: Span | undefined;
    for (let x = 0; x < grid.columns; x += 1) {
      if (set[y * grid.columns + x] !== 1) {
        open = undefined;
      } else if (open !== undefined && open.width < widthMax) {
        open.width += 1;
      } else {
        open = { x, y, width: 1 };
        found.push(open);
      }
    }
  }
  return found;
}

/** The two halves of a span whose picture is too large for one message; `undefined` for a single tile. */
export function halves(span: Span): [Span, Span] | undefined {
  const left = Math.floor(span.width / 2);
  if (left === 0) return undefined;
  return [
    { ...span, width: left },
    { ...span, x: span.x + left, width: span.width - left },
  ];
}

/**
 * The tiles of which any pixel differs. Pictures are whole pixels of 32 bits, rows from the top without
 * gaps.
 */
export function changedTiles(grid: TileGrid, before: Uint32Array, current: Uint32Array): TileSet {
  const changed: TileSet = new Uint8Array(grid.tiles);
  for (let tile = 0; tile < changed.length; tile += 1) {
    const x = tile % grid.columns;
    const rect = grid.pixels({ x, y: (tile - x) / grid.columns, width: 1 });
    changed[tile] = differs(grid.widthPx, rect, before, current) ? 1 : 0;
  }
  return changed;
}

function differs(stride: number, rect: PixelRect, before: Uint32Array, current: Uint32Array): boolean {
  for (let y = rect.y; y < rect.y + rect.height; y += 1) {
    const start = y * stride + rect.x;
    for (let at = start; at < start + rect.width; at += 1) {
      if (before[at] !== current[at]) return true;
    }
  }
  return false;
}
