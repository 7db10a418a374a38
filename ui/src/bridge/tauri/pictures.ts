/**
 * Pictures from the program: one question waits at it at a time, and is answered with the newest picture of
 * every camera that has changed. Of each camera one picture is decoded at a time.
 */

import type { ParticipantId } from '../../wire';
import { draw } from '../web/camera/down';
import { jpegSize } from '../web/protocol/picture_size';
import type { Screen } from './screen';

/** Kind, source, length: `client-tauri/core/src/desk/frames.rs`. */
const HEADER_BYTES = 9;
const CAMERA = 1;
const OWN_CAMERA = 2;
const SCREEN = 3;
/** Widest and highest picture that is decoded. */
const PICTURE_PX_MAX = 4_096;
/** After a question that came to nothing. */
const PAUSE_MS = 250;

interface Source {
  canvases: Set<HTMLCanvasElement>;
  /** The newest picture that nobody has decoded yet. */
  waiting: Uint8Array<ArrayBuffer> | undefined;
  decoding: boolean;
}

export class Pictures {
  private readonly sources = new Map<ParticipantId | 'own', Source>();
  /** How many want pictures; without any nothing is asked. */
  private wanted = 0;
  private polling = false;

  constructor(
    private readonly url: string,
    private readonly screen: Screen,
  ) {}

  /** Pictures are asked for until the returned function is called. */
  want(): () => void {
    this.wanted += 1;
    if (!this.polling) void this.poll();
    let open = true;
    return () => {
      if (open) this.wanted -= 1;
      open = false;
    };
  }

  /** Draws a camera's pictures until the returned function is called. */
  attach(id: ParticipantId | 'own', canvas: HTMLCanvasElement): () => void {
    const source = this.source(id);
    source.canvases.add(canvas);
    return () => {
      source.canvases.delete(canvas);
      if (source.canvases.size === 0 && this.sources.get(id) === source) this.sources.delete(id);
    };
  }

  private source(id: ParticipantId | 'own'): Source {
    let source = this.sources.get(id);
    if (source === undefined) {
      source = { canvases: new Set(), waiting: undefined, decoding: false };
      this.sources.set(id, source);
    }
    return source;
  }

  private async poll(): Promise<void> {
    this.polling = true;
    while (this.wanted > 0) {
      try {
        const answer = await fetch(this.url, { cache: 'no-store' });
        await this.take(await answer.arrayBuffer());
      } catch {
        await new Promise((again) => setTimeout(again, PAUSE_MS));
      }
    }
    this.polling = false;
  }

  /** Ends when the screen's part of it is painted, so that no more comes than is painted. */
  private async take(batch: ArrayBuffer): Promise<void> {
    const view = new DataView(batch);
    for (let at = 0; at + HEADER_BYTES <= batch.byteLength; ) {
      const kind = view.getUint8(at);
      const id = view.getUint32(at + 1);
      const start = at + HEADER_BYTES;
      at = start + view.getUint32(at + 5);
      if (at > batch.byteLength) break;
      const bytes = new Uint8Array(batch, start, at - start);
      if (kind === CAMERA) this.put(id, bytes);
      else if (kind === OWN_CAMERA) this.put('own', bytes);
      else if (kind === SCREEN) this.screen.take(bytes);
    }
    await this.screen.painted;
  }

  private put(id: ParticipantId | 'own', jpeg: Uint8Array<ArrayBuffer>): void {
    const source = this.sources.get(id);
    if (source === undefined) return;
    source.waiting = jpeg;
    if (!source.decoding) void this.decode(source);
  }

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
