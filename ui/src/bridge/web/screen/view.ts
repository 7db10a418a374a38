/** Viewing a screen: runs are decoded side by side and painted in the order they came. */

import type { Refusal } from '../../../wire';
import type { ScreenSize } from '../../types';
import { jpegSize, pngSize } from '../protocol/picture_size';
import { parseScreenMessage, screenMessage, type Run } from '../protocol/screen';
import { TileGrid } from './grid';
import { ScreenLink, type ScreenAccess } from './link';

/** Acknowledge after so many bytes, or when nothing waits. */
const ACK_EVERY_BYTES = 32 * 1024;

export interface ViewEvents {
  /** The size of what is shown, or nothing when nobody shows anything. */
  shown(size: ScreenSize | undefined): void;
  ended(refusal: Refusal | undefined): void;
}

interface Viewer {
  canvas: HTMLCanvasElement;
  changed: (size: ScreenSize) => void;
}

/** The picture of the room's screen, and the canvases that show it. It outlives links. */
export class ScreenPicture {
  private readonly picture = document.createElement('canvas');
  private readonly viewers = new Set<Viewer>();
  private grid: TileGrid | undefined;

  /** Shows the picture in a canvas, too, until the returned function is called. */
  attach(canvas: HTMLCanvasElement, changed: (size: ScreenSize) => void): () => void {
    const viewer = { canvas, changed };
    this.viewers.add(viewer);
    if (this.grid !== undefined) {
      this.fit(viewer, this.grid);
      contextOf(canvas)?.drawImage(this.picture, 0, 0);
    }
    return () => {
      this.viewers.delete(viewer);
    };
  }

  /** A screen of this size begins, black at first. */
  start(grid: TileGrid): void {
    this.grid = grid;
    this.picture.width = grid.widthPx;
    this.picture.height = grid.heightPx;
    for (const viewer of this.viewers) this.fit(viewer, grid);
  }

  /** Nothing is shown any more; its memory is given back. */
  clear(): void {
    this.grid = undefined;
    this.picture.width = 0;
    this.picture.height = 0;
  }

  /** Decodes a run. `undefined` when it is not what it says, checked before memory is taken. */
  async decode(run: Run): Promise<ImageBitmap | undefined> {
    const grid = this.grid;
    if (grid?.contains(run) !== true) return undefined;
    const rect = grid.pixels(run);
    const size = run.codec === 'jpeg' ? jpegSize(run.picture) : pngSize(run.picture);
    if (size?.width !== rect.width || size.height !== rect.height) return undefined;
    const blob = new Blob([run.picture], { type: `image/${run.codec}` });
    try {
      // What stands is to be exact: nothing may adapt its colours.
      return await createImageBitmap(blob, { colorSpaceConversion: 'none' });
    } catch {
      return undefined;
    }
  }

  paint(run: Run, bitmap: ImageBitmap): void {
    if (this.grid?.contains(run) === true) {
      const { x, y } = this.grid.pixels(run);
      contextOf(this.picture)?.drawImage(bitmap, x, y);
      for (const { canvas } of this.viewers) contextOf(canvas)?.drawImage(bitmap, x, y);
    }
    bitmap.close();
  }

  private fit(viewer: Viewer, grid: TileGrid): void {
    viewer.canvas.width = grid.widthPx;
    viewer.canvas.height = grid.heightPx;
    viewer.changed({ width: grid.widthPx, height: grid.heightPx });
  }
}

/** A link to the room's screen while somebody may show one. */
export class ScreenView {
  private readonly link: ScreenLink;
  /** Ends when everything that came before is painted. */
  private painted: Promise<void> = Promise.resolve();
  private waiting = 0;
  private taken = 0;
  private acknowledged = 0;
  /** Rises with each link: what came on the one before is not counted on this one. */
  private linkNumber = 0;
  /** Rises with each picture: runs of the one before are not painted on this one. */
  private pictureNumber = 0;

  constructor(
    access: () => ScreenAccess,
    private readonly picture: ScreenPicture,
    private readonly events: ViewEvents,
  ) {
    this.link = new ScreenLink(access, 'view', {
      opened: () => {
        this.linkNumber += 1;
        this.taken = 0;
        this.acknowledged = 0;
      },
      message: (message) => this.take(message),
      // What is shown stays until there is something newer.
      lost: () => undefined,
      ended: (refusal) => this.events.ended(refusal),
    });
  }

  close(): void {
    this.link.close();
  }

  private take(bytes: Uint8Array<ArrayBuffer>): void {
    const message = parseScreenMessage(bytes);
    const link = this.linkNumber;
    this.waiting += 1;
    if (message?.type === 'start') this.start(TileGrid.of(message.widthPx, message.heightPx));
    if (message?.type === 'stop') this.start(undefined);
    const before = this.painted;
    const run = message?.type === 'run' ? this.paint(message.run, before) : before;
    this.painted = run.then(() => this.done(link, bytes.byteLength));
  }

  /** Decodes at once, and paints when everything before is painted. */
  private async paint(run: Run, before: Promise<void>): Promise<void> {
    const pictureNumber = this.pictureNumber;
    const bitmap = await this.picture.decode(run);
    await before;
    if (bitmap === undefined) return;
    if (pictureNumber === this.pictureNumber) this.picture.paint(run, bitmap);
    else bitmap.close();
  }

  private start(grid: TileGrid | undefined): void {
    this.pictureNumber += 1;
    if (grid === undefined) this.picture.clear();
    else this.picture.start(grid);
    this.events.shown(grid && { width: grid.widthPx, height: grid.heightPx });
  }

  private done(link: number, bytes: number): void {
    this.waiting -= 1;
    if (link !== this.linkNumber) return;
    this.taken = (this.taken + bytes) >>> 0;
    const news = (this.taken - this.acknowledged) >>> 0;
    if (news < ACK_EVERY_BYTES && this.waiting > 0) return;
    this.acknowledged = this.taken;
    this.link.send(screenMessage({ type: 'ack', bytes: this.taken }));
  }
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  return canvas.getContext('2d', { alpha: false });
}
