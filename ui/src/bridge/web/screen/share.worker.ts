/** Shares a screen: finds what changes, encodes it, and sends as much as the server takes. */

import { workerScope } from '../worker_scope';
import { RUN_BYTES_MAX, parseScreenMessage, screenMessage, type RunCodec } from '../protocol/screen';
import { captureClockMs } from '../camera/encoding';
import { ScreenChanges, type Changes } from './changes';
import { RUN_TILES_MAX, TileGrid, halves, spans, type Span, type TileSet } from './grid';
import { ScreenLink, type ScreenAccess } from './link';
import type { ShareNews, ShareOrder } from './sharing';
import { AckWindow } from './window';

/** Of what moves; what stands is sent exactly a moment later. */
const JPEG_QUALITY = 0.75;
const INTERVAL_MS_MIN = 33;
const INTERVAL_MS_MAX = 1_000;
/** A server that acknowledges nothing for so long is gone. */
const ROOM_DEADLINE_MS = 10_000;
/** Runs that are encoded at the same time. */
const ENCODING_MAX = 4;
/** For the last words to get out. */
const CLOSE_AFTER_MS = 500;

type Picture = VideoFrame | ImageBitmap;

const scope = workerScope<ShareOrder, ShareNews>();

class Sharing {
  private newest: Picture | undefined;
  private canvas = new OffscreenCanvas(1, 1);
  private changes: ScreenChanges | undefined;
  private generation = 0;
  private window = new AckWindow();
  private intervalMs = INTERVAL_MS_MIN;
  private dueMs = 0;
  /** The server has said its first word on this link. */
  private live = false;
  /** Rises with each link, so that what was being sent on the one before ends. */
  private linkNumber = 0;
  private stopped = false;
  private wake: (() => void) | undefined;
  private readonly link: ScreenLink;

  constructor(access: () => ScreenAccess) {
    this.link = new ScreenLink(access, 'present', {
      opened: () => this.relinked(),
      message: (message) => this.ordered(message),
      lost: () => this.relinked(),
      ended: (refusal) => tell({ type: 'ended', refusal }),
    });
    void this.run();
  }

  picture(picture: Picture): void {
    if (this.stopped) return picture.close();
    this.newest?.close();
    this.newest = picture;
    this.wake?.();
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
    this.link.send(screenMessage({ type: 'stop' }));
    setTimeout(() => {
      this.link.close();
      scope.close();
    }, CLOSE_AFTER_MS);
  }

  private relinked(): void {
    this.live = false;
    this.linkNumber += 1;
    this.window = new AckWindow();
    this.wake?.();
  }

  private ordered(bytes: Uint8Array<ArrayBuffer>): void {
    const message = parseScreenMessage(bytes);
    if (message?.type === 'pace') {
      this.intervalMs = Math.min(Math.max(message.intervalMs, INTERVAL_MS_MIN), INTERVAL_MS_MAX);
    } else if (message?.type === 'ack') {
      if (!this.window.acknowledge(message.bytes)) this.link.cut();
    } else if (message?.type === 'refresh') {
      this.changes?.refresh();
    }
    if (!this.live) {
      this.live = true;
      // Whoever is at the other end has nothing: the size comes first.
      this.changes = undefined;
      tell({ type: 'live' });
    }
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const waitMs = this.waitMs(performance.now());
      if (waitMs > 0) await this.sleep(waitMs);
      else await this.frame(this.linkNumber);
    }
    this.newest?.close();
  }

  /** How long there is nothing to do. */
  private waitMs(nowMs: number): number {
    if (!this.live) return Infinity;
    const has = this.newest !== undefined || (this.changes === undefined && this.canvas.width > 1);
    const atMs = has ? this.dueMs : Math.max(this.dueMs, this.changes?.nextWakeMs ?? Infinity);
    return atMs - nowMs;
  }

  private async sleep(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((woken) => {
      this.wake = woken;
      if (ms !== Infinity) timer = setTimeout(woken, ms);
    });
    clearTimeout(timer);
    this.wake = undefined;
  }

  private async frame(link: number): Promise<void> {
    const nowMs = performance.now();
    const capturedMs = captureClockMs();
    this.dueMs = nowMs + this.intervalMs;
    const changes = this.look(nowMs);
    if (changes === undefined || this.changes === undefined || changes.isEmpty) return;
    this.generation = (this.generation + 1) >>> 0;
    await this.runs(link, changes.changed, 'jpeg');
    await this.runs(link, changes.still, 'png');
    await this.send(link, screenMessage({ type: 'frameEnd', generation: this.generation, capturedMs }));
  }

  /** What is to be sent of the newest picture, or of the one before when nothing is new. */
  private look(nowMs: number): Changes | undefined {
    const picture = this.newest;
    this.newest = undefined;
    if (picture === undefined) {
      if (this.changes !== undefined) return this.changes.same(nowMs);
    } else {
      this.draw(picture);
      tell({ type: 'idle' });
    }
    const { width, height } = this.canvas;
    const grid = TileGrid.of(width, height);
    if (grid === undefined) {
      tell({ type: 'too_large' });
      return undefined;
    }
    if (this.changes?.grid.widthPx !== width || this.changes.grid.heightPx !== height) {
      this.changes = new ScreenChanges(grid);
      const start = screenMessage({ type: 'start', widthPx: width, heightPx: height });
      this.window.sent(start.byteLength);
      this.link.send(start);
    }
    const pixels = this.context().getImageData(0, 0, width, height).data;
    return this.changes.frame(new Uint32Array(pixels.buffer), nowMs);
  }

  private draw(picture: Picture): void {
    const [width, height] =
      picture instanceof ImageBitmap
        ? [picture.width, picture.height]
        : [picture.displayWidth, picture.displayHeight];
    if (TileGrid.of(width, height) !== undefined) {
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas = new OffscreenCanvas(width, height);
      }
      this.context().drawImage(picture, 0, 0, width, height);
    } else {
      this.canvas = new OffscreenCanvas(0, 0);
    }
    picture.close();
  }

  private context(): OffscreenCanvasRenderingContext2D {
    const context = this.canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    // It is the only kind of context that was ever asked of this canvas.
    if (context === null) throw new Error('a canvas of this worker has no 2d context');
    return context;
  }

  private async runs(link: number, tiles: TileSet, codec: RunCodec): Promise<void> {
    if (this.changes === undefined) return;
    const todo = spans(this.changes.grid, tiles, RUN_TILES_MAX);
    while (todo.length > 0 && link === this.linkNumber) {
      const batch = todo.splice(0, ENCODING_MAX);
      const pictures = await Promise.all(batch.map((span) => this.encode(span, codec)));
      for (const [at, span] of batch.entries()) {
        const picture = pictures[at];
        if (picture === undefined) continue;
        const both = picture.byteLength > RUN_BYTES_MAX ? halves(span) : undefined;
        if (both !== undefined) {
          todo.unshift(...both);
          continue;
        }
        const run = { ...span, generation: this.generation, codec, picture };
        await this.send(link, screenMessage({ type: 'run', run }));
      }
    }
  }

  private async encode(span: Span, codec: RunCodec): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const rect = this.changes?.grid.pixels(span);
    if (rect === undefined) return undefined;
    const { x, y, width, height } = rect;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    context?.drawImage(this.canvas, x, y, width, height, 0, 0, width, height);
    const type = codec === 'jpeg' ? 'image/jpeg' : 'image/png';
    const blob = await canvas.convertToBlob({ type, quality: JPEG_QUALITY });
    return new Uint8Array(await blob.arrayBuffer());
  }

  /** Waits until the server has room. What belongs to another link is dropped. */
  private async send(link: number, message: Uint8Array<ArrayBuffer>): Promise<void> {
    const deadlineMs = performance.now() + ROOM_DEADLINE_MS;
    while (link === this.linkNumber && !this.stopped && !this.window.hasRoom(message.byteLength)) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return this.link.cut();
      await this.sleep(leftMs);
    }
    if (link !== this.linkNumber || this.stopped) return;
    this.window.sent(message.byteLength);
    this.link.send(message);
  }
}

let access: ScreenAccess | undefined;
let sharing: Sharing | undefined;

scope.addEventListener('message', ({ data }) => {
  switch (data.type) {
    case 'access': {
      const first = data.access;
      access = first;
      sharing ??= new Sharing(() => access ?? first);
      break;
    }
    case 'source':
      void readAll(data.readable);
      break;
    case 'picture':
      sharing?.picture(data.bitmap);
      break;
    case 'stop':
      sharing?.stop();
      break;
  }
});

async function readAll(readable: ReadableStream<VideoFrame>): Promise<void> {
  const reader = readable.getReader();
  for (;;) {
    const { value: frame, done } = await reader.read();
    if (done) return;
    sharing?.picture(frame);
  }
}

function tell(news: ShareNews): void {
  scope.postMessage(news, []);
}
