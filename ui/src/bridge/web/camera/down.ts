/**
 * From the channel to the canvases: fragments become frames, and of each source the newest frame is
 * decoded and drawn.
 */

import type { Layer, ParticipantId } from '../../../wire';
import { isAfter } from '../protocol/bytes';
import { KIND_BYTES, reRequestMessage, type Fragment } from '../protocol/datagram';
import { jpegSize } from '../protocol/picture_size';
import { FrameAssembler, type WholeFrame } from './assemble';
import { Queueing } from './queueing';

/** Cameras that are put together at the same time. A room shows fewer. */
const SOURCES_MAX = 128;
/** Widest and highest picture that is decoded. */
const PICTURE_PX_MAX = 4_096;
/** While a frame is being put together, what is missing is looked at this often. */
const LOOK_EVERY_MS = 10;
/** A look that comes this much late comes before fragments that wait to be taken in: they first. */
const LATE_MS = 8;

/** What came in an interval, for the report. */
export interface CameraInterval {
  received: number;
  lost: number;
  bytes: number;
  queueingMs: number;
}

interface Source {
  assemblers: Map<Layer, FrameAssembler>;
  canvases: Set<HTMLCanvasElement>;
  /** The newest frame that nobody has decoded yet. */
  waiting: Uint8Array<ArrayBuffer> | undefined;
  decoding: boolean;
  /** When the newest picture was captured, on the publisher's clock. */
  newestMs: number | undefined;
}

export class CameraDown {
  private readonly sources = new Map<ParticipantId, Source>();
  private readonly queueing = new Queueing();
  private looking: ReturnType<typeof setTimeout> | undefined;
  private received = 0;
  private bytes = 0;
  /** Of assemblers that are no more. */
  private missedBefore = 0;
  private missedTold = 0;

  constructor(private readonly send: (message: Uint8Array<ArrayBuffer>) => void) {}

  take(fragment: Fragment): void {
    const nowMs = performance.now();
    this.received += 1;
    this.bytes += fragment.payload.byteLength + KIND_BYTES;
    this.queueing.camera(nowMs, fragment.source, fragment.layer, fragment.capturedMs);
    if (this.sources.size >= SOURCES_MAX && !this.sources.has(fragment.source)) return;
    const source = this.source(fragment.source);
    let assembler = source.assemblers.get(fragment.layer);
    if (assembler === undefined) {
      assembler = new FrameAssembler();
      source.assemblers.set(fragment.layer, assembler);
    }
    const whole = assembler.insert(fragment, nowMs);
    if (whole !== undefined) this.put(source, whole);
    else if (this.looking === undefined) this.lookLater(nowMs);
  }

  /** Draws the source's pictures into the canvas until the returned function is called. */
  attach(id: ParticipantId, canvas: HTMLCanvasElement): () => void {
    const source = this.source(id);
    source.canvases.add(canvas);
    return () => {
      source.canvases.delete(canvas);
    };
  }

  /** Forgets what was received of every source but these. */
  keepOnly(ids: ReadonlySet<ParticipantId>): void {
    for (const [id, source] of this.sources) {
      if (ids.has(id)) continue;
      for (const assembler of source.assemblers.values()) {
        this.missedBefore += assembler.figures.missed;
      }
      source.assemblers.clear();
      source.waiting = undefined;
      source.newestMs = undefined;
      if (source.canvases.size === 0) this.sources.delete(id);
    }
  }

  takeInterval(): CameraInterval {
    const missed = this.missed();
    const interval = {
      received: this.received,
      lost: missed - this.missedTold,
      bytes: this.bytes,
      queueingMs: this.queueing.take(),
    };
    this.missedTold = missed;
    this.received = 0;
    this.bytes = 0;
    return interval;
  }

  close(): void {
    clearTimeout(this.looking);
    this.keepOnly(new Set());
  }

  private source(id: ParticipantId): Source {
    let source = this.sources.get(id);
    if (source === undefined) {
      source = {
        assemblers: new Map(),
        canvases: new Set(),
        waiting: undefined,
        decoding: false,
        newestMs: undefined,
      };
      this.sources.set(id, source);
    }
    return source;
  }

  private missed(): number {
    let missed = this.missedBefore;
    for (const source of this.sources.values()) {
      for (const assembler of source.assemblers.values()) missed += assembler.figures.missed;
    }
    return missed;
  }

  private lookLater(nowMs: number): void {
    const dueMs = nowMs + LOOK_EVERY_MS;
    this.looking = setTimeout(() => this.look(dueMs), LOOK_EVERY_MS);
  }

  /** Asks once more for what is missing. */
  private look(dueMs: number): void {
    this.looking = undefined;
    const nowMs = performance.now();
    if (nowMs - dueMs > LATE_MS) return this.lookLater(nowMs);
    let building = false;
    for (const [source, { assemblers }] of this.sources) {
      for (const [layer, assembler] of assemblers) {
        for (const { frame, indices } of assembler.wake(nowMs)) {
          this.send(reRequestMessage({ source, layer, frame, indices }));
        }
        building ||= assembler.nextWakeMs !== Infinity;
      }
    }
    if (building) this.lookLater(nowMs);
  }

  private put(source: Source, frame: WholeFrame): void {
    // While the layer changes, frames of both come; an older moment is never shown after a newer.
    if (source.newestMs !== undefined && isAfter(source.newestMs, frame.capturedMs)) return;
    source.newestMs = frame.capturedMs;
    if (source.canvases.size === 0) return;
    source.waiting = frame.jpeg;
    if (!source.decoding) void this.decode(source);
  }

  /** One picture of a source at a time; what came meanwhile and was overtaken is never decoded. */
  private async decode(source: Source): Promise<void> {
    source.decoding = true;
    for (let jpeg = source.waiting; jpeg !== undefined; jpeg = source.waiting) {
      source.waiting = undefined;
      const size = jpegSize(jpeg);
      if (!size || Math.max(size.width, size.height) > PICTURE_PX_MAX) continue;
      try {
        const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
        for (const canvas of source.canvases) draw(bitmap, canvas);
        bitmap.close();
      } catch {
        // A damaged picture: the next one is a fifteenth of a second away.
      }
    }
    source.decoding = false;
  }
}

/** Draws a picture at its own size; how large it is shown is the page's matter. */
export function draw(picture: ImageBitmap, canvas: HTMLCanvasElement): void {
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  canvas.getContext('2d', { alpha: false })?.drawImage(picture, 0, 0);
}
