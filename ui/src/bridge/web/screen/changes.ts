/** What of a screen is to be sent: what changes at once, and what has stood still once more, exactly. */

import { changedTiles, type TileGrid, type TileSet } from './grid';

/** A tile that has not changed for so long is sent once more, exactly. */
export const STILL_AFTER_MS = 150;

export interface Changes {
  /** To be sent with loss, now. */
  changed: TileSet;
  /** To be sent exactly, now. */
  still: TileSet;
  isEmpty: boolean;
}

export class ScreenChanges {
  private shown: Uint32Array;
  /** Since when a tile stands with loss; infinity when it was sent exactly. */
  private readonly lossySinceMs: Float64Array;
  private afresh = true;

  /** Nothing was sent yet. */
  constructor(readonly grid: TileGrid) {
    this.shown = new Uint32Array(0);
    this.lossySinceMs = new Float64Array(grid.tiles).fill(Infinity);
  }

  /** The next frame sends everything. */
  refresh(): void {
    this.afresh = true;
  }

  /** Takes the picture over, and with it its memory, and says what is to be sent. */
  frame(current: Uint32Array, nowMs: number): Changes {
    const changed = this.afresh
      ? new Uint8Array(this.grid.tiles).fill(1)
      : changedTiles(this.grid, this.shown, current);
    this.afresh = false;
    this.shown = current;
    return this.changes(changed, nowMs);
  }

  /** Nothing new was captured: what has stood still is due. */
  same(nowMs: number): Changes {
    return this.afresh ? this.frame(this.shown, nowMs) : this.changes(new Uint8Array(this.grid.tiles), nowMs);
  }

  /** When something is due though nothing changes; infinity when all was sent exactly. */
  get nextWakeMs(): number {
    if (this.afresh) return 0;
    return this.lossySinceMs.reduce((least, since) => Math.min(least, since), Infinity) + STILL_AFTER_MS;
  }

  private changes(changed: TileSet, nowMs: number): Changes {
    const still: TileSet = new Uint8Array(this.grid.tiles);
    let isEmpty = true;
    this.lossySinceMs.forEach((since, tile) => {
      if (changed[tile] === 1) {
        this.lossySinceMs[tile] = nowMs;
        isEmpty = false;
      } else if (nowMs - since >= STILL_AFTER_MS) {
        this.lossySinceMs[tile] = Infinity;
        still[tile] = 1;
        isEmpty = false;
      }
    });
    return { changed, still, isEmpty };
  }
}
