/** Sharing a screen, as the page sees it: a worker does the work. */

import type { Refusal } from '../../../wire';
import { pictureStream, playUnseen } from '../camera/pictures';
import type { ScreenAccess } from './link';
import type { ShareNews, ShareOrder } from './sharing';

/** How often a browser without streams of pictures is asked for one. */
const PICTURE_EVERY_MS = 66;

export interface ShareEvents {
  /** The server takes it. */
  live(): void;
  /** It is over: the server says why, or nothing when it cannot be reached any more. */
  ended(refusal: Refusal | undefined): void;
  tooLarge(): void;
}

export class ScreenShare {
  private readonly worker = new Worker(new URL('./share.worker.ts', import.meta.url), { type: 'module' });
  private video: HTMLVideoElement | undefined;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private busy = false;

  constructor(stream: MediaStream, access: ScreenAccess, events: ShareEvents) {
    this.worker.addEventListener('message', ({ data }: MessageEvent<ShareNews>) => {
      switch (data.type) {
        case 'live':
          return events.live();
        case 'ended':
          return events.ended(data.refusal);
        case 'too_large':
          return events.tooLarge();
        case 'idle':
          this.busy = false;
      }
    });
    this.order({ type: 'access', access });
    const track = stream.getVideoTracks()[0];
    const readable = track && pictureStream(track);
    if (readable !== undefined) {
      this.order({ type: 'source', readable }, [readable]);
    } else {
      this.video = playUnseen(stream);
      this.ticking = setInterval(() => void this.takePicture(), PICTURE_EVERY_MS);
    }
  }

  /** There is a new welcome. */
  access(access: ScreenAccess): void {
    this.order({ type: 'access', access });
  }

  /** Tells the viewers that it is over; the worker ends itself. */
  close(): void {
    clearInterval(this.ticking);
    if (this.video) this.video.srcObject = null;
    this.order({ type: 'stop' });
  }

  private async takePicture(): Promise<void> {
    if (!this.video?.videoWidth || this.busy) return;
    this.busy = true;
    try {
      const bitmap = await createImageBitmap(this.video);
      this.order({ type: 'picture', bitmap }, [bitmap]);
    } catch {
      // The video is between two pictures; the next tick has one.
      this.busy = false;
    }
  }

  private order(order: ShareOrder, transfer: Transferable[] = []): void {
    this.worker.postMessage(order, transfer);
  }
}
