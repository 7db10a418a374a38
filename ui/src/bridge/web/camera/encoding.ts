/** What the page and the worker that encodes camera pictures say to each other. */

import type { Layer, QualityChoice } from '../../../wire';
import { LAYERS, LAYER_HEIGHT_PX } from '../protocol/datagram';

/** Pictures a second at most. */
export const FRAMES_PER_SECOND_MAX = 15;
/** Quiet company: a picture of 160 by 90 pixels, for most cameras, every 8 s. */
export const QUIET_HEIGHT_PX = 90;
export const QUIET_EVERY_MS = 8_000;
/** The server passes on no larger ones: three fragments. */
export const QUIET_FRAME_BYTES_MAX = 3_396;
/** A picture that is too large even at this quality is left out. */
export const JPEG_LEAST = 0.05;

/** Page to worker. */
export type EncodeOrder =
  /** Take pictures from here until it ends. */
  | { type: 'source'; readable: ReadableStream<VideoFrame> }
  /** One picture, from browsers that give no streams of them. */
  | { type: 'picture'; bitmap: ImageBitmap; capturedMs: number }
  | { type: 'wish'; layers: Layer[]; quality: SendQuality }
  /** Let go of the pictures that wait. */
  | { type: 'stop' };

/** Worker to page. */
export type Encoded =
  | { type: 'frame'; layer: Layer; capturedMs: number; jpeg: ArrayBuffer }
  /** The worker is ready for another picture. */
  | { type: 'idle' }
  /** It holds none any more. */
  | { type: 'stopped' };

/** What a person's choice means for sending. */
export interface SendQuality {
  /** As `convertToBlob` takes it, 0 to 1. */
  jpeg: number;
  /** No larger layer is sent. */
  layerMax: Layer;
  /** No picture is higher, whatever its layer. */
  heightPxMax: number;
  /** From one picture to the next. */
  everyMs: number;
  /** A picture that is larger is encoded again, less well. */
  bytesMax: number;
}

export function sendQuality(choice: QualityChoice, quiet = false): SendQuality {
  if (quiet) {
    const seldom = { everyMs: QUIET_EVERY_MS, bytesMax: QUIET_FRAME_BYTES_MAX };
    return { jpeg: 0.6, layerMax: 'thumbnail', heightPxMax: QUIET_HEIGHT_PX, ...seldom };
  }
  const often = { heightPxMax: Infinity, everyMs: 1_000 / FRAMES_PER_SECOND_MAX, bytesMax: Infinity };
  switch (choice) {
    case 'low':
      return { jpeg: 0.45, layerMax: 'normal', ...often };
    case 'auto':
    case 'normal':
      return { jpeg: 0.65, layerMax: 'large', ...often };
    case 'high':
      return { jpeg: 0.82, layerMax: 'large', ...often };
  }
}

/** The layers to encode, smallest first. */
export function layersToSend(wanted: readonly Layer[], quality: SendQuality): Layer[] {
  return LAYERS.slice(0, LAYERS.indexOf(quality.layerMax) + 1).filter((layer) => wanted.includes(layer));
}

/** The size of a layer: its height and an even width of the picture's shape, never larger than the picture. */
export function layerSize(
  width: number,
  height: number,
  layer: Layer,
  heightPxMax = Infinity,
): { width: number; height: number } {
  const wanted = Math.min(LAYER_HEIGHT_PX[layer], heightPxMax);
  if (height <= wanted) return { width, height };
  return { width: Math.max(2, 2 * Math.round((width * wanted) / height / 2)), height: wanted };
}

/** The publisher's clock: milliseconds that wrap at 32 bits, alike in a page and its workers. */
export function captureClockMs(): number {
  return Math.round(performance.timeOrigin + performance.now()) % 2 ** 32;
}
