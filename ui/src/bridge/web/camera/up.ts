/** From the camera to the channel: the layers that somebody watches, as fragments, and once more on request. */

import type { Layer, QualityChoice } from '../../../wire';
import type { Sent } from '../media/peer';
import { fragmentMessage, splitFrame, type ReRequest } from '../protocol/datagram';
import { FRAMES_PER_SECOND_MAX, QUIET_EVERY_MS, captureClockMs, sendQuality } from './encoding';
import type { EncodeOrder, Encoded } from './encoding';
import { Least } from './least';
import { pictureStream, playUnseen } from './pictures';
import { SentLately } from './resend';

/** A worker that has not let go of its pictures by then is ended all the same. */
const STOP_DEADLINE_MS = 500;

export class CameraUp {
  private readonly worker = new Worker(new URL('./encode.worker.ts', import.meta.url), { type: 'module' });
  private readonly numbers = new Map<Layer, number>();
  /** How long a picture of each layer takes from the camera to here, at its quickest. */
  private readonly quickest = new Map<Layer, Least>();
  private readonly sentLately = new SentLately();
  private layers: Layer[] = [];
  private choice: QualityChoice = 'auto';
  private quiet = false;
  /** When the next picture is wanted, where they are not streamed. */
  private dueMs = 0;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private video: HTMLVideoElement | undefined;
  private busy = false;
  /** Runs out when the worker does not stop by itself. */
  private closing: ReturnType<typeof setTimeout> | undefined;

  constructor(
    stream: MediaStream,
    private readonly send: (message: Uint8Array<ArrayBuffer>) => Sent,
  ) {
    this.worker.addEventListener('message', ({ data }: MessageEvent<Encoded>) => {
      switch (data.type) {
        case 'frame':
          if (this.closing === undefined) this.sendFrame(data.layer, data.capturedMs, new Uint8Array(data.jpeg));
          break;
        case 'idle':
          this.busy = false;
          break;
        case 'stopped':
          this.end();
          break;
      }
    });
    const track = stream.getVideoTracks()[0];
    const readable = track && pictureStream(track);
    if (readable !== undefined) {
      this.order({ type: 'source', readable }, [readable]);
    } else {
      this.video = playUnseen(stream);
      this.ticking = setInterval(() => void this.takePicture(), 1_000 / FRAMES_PER_SECOND_MAX);
    }
  }

  /** The layers that somebody watches; no others are encoded. */
  watched(layers: Layer[]): void {
    this.layers = layers;
    this.wish();
  }

  choose(choice: QualityChoice): void {
    this.choice = choice;
    this.wish();
  }

  /** Quiet company: how we sit there, now and then, and no more. */
  keepQuiet(quiet: boolean): void {
    if (quiet === this.quiet) return;
    this.quiet = quiet;
    this.wish();
  }

  /** Somebody has lost these. */
  answer(request: ReRequest): void {
    for (const message of this.sentLately.answer(request, performance.now())) this.send(message);
  }

  close(): void {
    clearInterval(this.ticking);
    if (this.video) this.video.srcObject = null;
    this.order({ type: 'stop' });
    this.closing = setTimeout(() => this.end(), STOP_DEADLINE_MS);
  }

  private end(): void {
    clearTimeout(this.closing);
    this.worker.terminate();
  }

  private wish(): void {
    this.dueMs = 0;
    this.order({ type: 'wish', layers: this.layers, quality: sendQuality(this.choice, this.quiet) });
  }

  private async takePicture(): Promise<void> {
    const video = this.video;
    if (!video?.videoWidth || this.busy || this.layers.length === 0 || performance.now() < this.dueMs) return;
    this.dueMs = this.quiet ? performance.now() + QUIET_EVERY_MS : 0;
    this.busy = true;
    try {
      const capturedMs = captureClockMs();
      const bitmap = await createImageBitmap(video);
      this.order({ type: 'picture', bitmap, capturedMs }, [bitmap]);
    } catch {
      // The video is between two pictures; the next tick has one.
      this.busy = false;
    }
  }

  private sendFrame(layer: Layer, capturedMs: number, jpeg: Uint8Array<ArrayBuffer>): void {
    const frame = ((this.numbers.get(layer) ?? 0) + 1) >>> 0;
    this.numbers.set(layer, frame);
    const nowMs = performance.now();
    const steadyMs = this.steady(layer, capturedMs, nowMs);
    for (const fragment of splitFrame(jpeg, frame, layer, steadyMs)) {
      const message = fragmentMessage(fragment);
      // Kept before it is sent, so that no request for it can come too early.
      this.sentLately.keep(layer, frame, fragment.index, message, nowMs);
      // The rest of a picture that the network does not take would be late.
      if (this.send(message) !== 'sent') return;
    }
  }

  /**
   * When a picture was captured, without what this device was held up by since: viewers take lateness for
   * a network that is full.
   */
  private steady(layer: Layer, capturedMs: number, nowMs: number): number {
    const quickest = this.quickest.get(layer) ?? new Least(nowMs);
    this.quickest.set(layer, quickest);
    const clockMs = captureClockMs();
    return (clockMs - quickest.of((clockMs - capturedMs) >>> 0, nowMs)) >>> 0;
  }

  private order(order: EncodeOrder, transfer: Transferable[] = []): void {
    this.worker.postMessage(order, transfer);
  }
}
