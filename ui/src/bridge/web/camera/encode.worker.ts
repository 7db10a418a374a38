/** Encodes camera pictures in the layers that somebody watches, away from the page. */

import type { Layer } from '../../../wire';
import { workerScope } from '../worker_scope';
import { JPEG_LEAST, captureClockMs, layerSize, layersToSend, sendQuality } from './encoding';
import type { EncodeOrder, Encoded } from './encoding';

const scope = workerScope<EncodeOrder, Encoded>();
const canvases = new Map<Layer, OffscreenCanvas>();
/** A picture that comes this much early is taken: cameras are not exact. */
const EARLY_MS = 10;

let wish = { layers: [] as Layer[], quality: sendQuality('auto') };
let wished: (() => void) | undefined;
let reading: Promise<void> | undefined;
let stopping = false;
/** When the next picture is wanted, on `performance.now()`. */
let dueMs = 0;

scope.addEventListener('message', ({ data }) => {
  switch (data.type) {
    case 'source':
      reading = readAll(data.readable.getReader());
      break;
    case 'picture':
      void encode(data.bitmap, data.bitmap.width, data.bitmap.height, data.capturedMs).then(() => {
        data.bitmap.close();
        tell({ type: 'idle' });
      });
      break;
    case 'wish':
      wish = { layers: data.layers, quality: data.quality };
      // Who looks anew does not wait for the end of a long pause.
      dueMs = 0;
      wished?.();
      break;
    case 'stop':
      void stop();
      break;
  }
});

/**
 * Pictures, also those that wait in the stream, are the camera's memory until somebody closes them: they are read
 * to the end, which is near, as the track has ended.
 */
async function stop(): Promise<void> {
  stopping = true;
  wished?.();
  await reading;
  tell({ type: 'stopped' });
}

async function readAll(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
  for (;;) {
    while (wish.layers.length === 0 && !stopping) {
      await new Promise<void>((again) => {
        wished = again;
      });
    }
    const { value: frame, done } = await reader.read();
    if (done) return;
    const nowMs = performance.now();
    try {
      if (stopping || nowMs + EARLY_MS < dueMs) continue;
      dueMs = Math.max(dueMs, nowMs - EARLY_MS) + wish.quality.everyMs;
      await encode(frame, frame.displayWidth, frame.displayHeight, captureClockMs());
    } finally {
      frame.close();
    }
  }
}

async function encode(
  picture: CanvasImageSource,
  width: number,
  height: number,
  capturedMs: number,
): Promise<void> {
  for (const layer of layersToSend(wish.layers, wish.quality)) {
    const size = layerSize(width, height, layer, wish.quality.heightPxMax);
    const canvas = canvasOf(layer, size);
    canvas.getContext('2d', { alpha: false })?.drawImage(picture, 0, 0, size.width, size.height);
    try {
      const blob = await encoded(canvas);
      if (blob === null) continue;
      const jpeg = await blob.arrayBuffer();
      tell({ type: 'frame', layer, capturedMs, jpeg }, [jpeg]);
    } catch {
      // No memory for this picture; there may be some for the next.
    }
  }
}

/** As good as its size allows; null when it does not allow anything. */
async function encoded(canvas: OffscreenCanvas): Promise<Blob | null> {
  const { bytesMax } = wish.quality;
  for (let quality = wish.quality.jpeg; quality >= JPEG_LEAST; quality *= 0.7) {
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality });
    if (blob.size <= bytesMax) return blob;
  }
  return null;
}

function canvasOf(layer: Layer, size: { width: number; height: number }): OffscreenCanvas {
  const canvas = canvases.get(layer);
  if (canvas?.width === size.width && canvas.height === size.height) return canvas;
  const fresh = new OffscreenCanvas(size.width, size.height);
  canvases.set(layer, fresh);
  return fresh;
}

function tell(encoded: Encoded, transfer: Transferable[] = []): void {
  scope.postMessage(encoded, transfer);
}
