/** What the page and the worker that encodes camera pictures say to each other. */

import type { Layer, QualityChoice } from '../../../wire';
import { LAYERS, LAYER_HEIGHT_PX } from '../protocol/datagram';

/** Pictures a second at most. */
export const FRAMES_PER_SECOND_MAX = 15;

/** Page to worker. */
export type EncodeOrder =
  /** Take pictures from here until it ends. */
  | { type: 'source'; readable: ReadableStream<VideoFrame> }
  /** One picture, from browsers that give no streams of them. */
  | { type: 'picture'; bitmap: ImageBitmap; capturedMs: number }
  | { type: 'wish'; layers: Layer[]; quality: SendQuality };

/** Worker to page. */
export type Encoded =
  | { type: 'frame'; layer: Layer; capturedMs: number; jpeg: ArrayBuffer }
  /** The worker is ready for another picture. */
  | { type: 'idle' };

/** What a person's choice means for sending. */
export interface SendQuality {
  /** As `convertToBlob` takes it, 0 to 1. */
  jpeg: number;
  /** No larger layer is sent. */
  layerMax: Layer;
}

export function sendQuality(choice: QualityChoice): SendQuality {
  switch (choice) {
    case 'low':
      return { jpeg: 0.45, layerMax: 'normal' };
    case 'auto':
    case 'normal':
      return { jpeg: 0.65, layerMax: 'large' };
    case 'high':
      return { jpeg: 0.82, layerMax: 'large' };
  }
}

/** The layers to encode, smallest first. */
export function layersToSend(wanted: readonly Layer[], quality: SendQuality): Layer[] {
  return LAYERS.slice(0, LAYERS.indexOf(quality.layerMax) + 1).filter((layer) => wanted.includes(layer));
}

/** The size of a layer: its height and an even width of the picture's shape, never larger than the picture. */
export function layerSize(width: number, height: number, layer: Layer): { width: number; height: number } {
  const wanted = LAYER_HEIGHT_PX[layer];
  if (height <= wanted) return { width, height };
  return { width: Math.max(2, 2 * Math.round((width * wanted) / height / 2)), height: wanted };
}

/** The publisher's clock: milliseconds that wrap at 32 bits, alike in a page and its workers. */
export function captureClockMs(): number {
  return Math.round(performance.timeOrigin + performance.now()) % 2 ** 32;
}
