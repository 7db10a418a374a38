/** The shared screen: messages of the screen link, decoded side by side and painted in the order they came. */

import type { ScreenSize } from '../types';
import { parseScreenMessage, type Run } from '../web/protocol/screen';
import { TileGrid } from '../web/screen/grid';
import { ScreenPicture } from '../web/screen/view';

export class Screen {
  private readonly picture = new ScreenPicture();
  /** Rises with each picture: runs of the one before are not painted on this one. */
  private pictureNumber = 0;
  private painting: Promise<void> = Promise.resolve();

  /** Ends when everything that has come is painted. */
  get painted(): Promise<void> {
    return this.painting;
  }

  attach(canvas: HTMLCanvasElement, changed: (size: ScreenSize) => void): () => void {
    return this.picture.attach(canvas, changed);
  }

  take(bytes: Uint8Array<ArrayBuffer>): void {
    const message = parseScreenMessage(bytes);
    if (message?.type === 'start') this.start(TileGrid.of(message.widthPx, message.heightPx));
    else if (message?.type === 'stop') this.clear();
    else if (message?.type === 'run') this.painting = this.paint(message.run, this.painting);
  }

  /** Nothing is shown any more. */
  clear(): void {
    this.pictureNumber += 1;
    this.picture.clear();
  }

  private start(grid: TileGrid | undefined): void {
    if (grid === undefined) return this.clear();
    this.pictureNumber += 1;
    this.picture.start(grid);
  }

  private async paint(run: Run, before: Promise<void>): Promise<void> {
    const { pictureNumber } = this;
    const bitmap = await this.picture.decode(run);
    await before;
    if (bitmap === undefined) return;
    if (pictureNumber === this.pictureNumber) this.picture.paint(run, bitmap);
    else bitmap.close();
  }
}
