/** Encodes camera pictures in the layers that somebody watches, away from the page. */

import type { Layer } from '../../../wire';
import { workerScope } from '../worker_scope';
import { FRAMES_PER_SECOND_MAX, captureClockMs, layerSize, layersToSend, sendQuality } from './encoding';
import type { EncodeOrder, Encoded } from './encoding';

const scope = workerScope<EncodeOrder, Encoded>();
const canvases = new Map<Layer, OffscreenCanvas>();
/** A picture that comes this much early is taken: cameras are not exact. */
const EARLY_MS = 10;

let wish = { layers: [] as Layer[], quality: sendQuality('auto') };
let wished: (() => void) | undefined;

scope.addEventListener('message', ({ data }) => {
  switch (data.type) {
    case 'source':
      void readAll(data.readable);
      break;
    case 'picture':
      void encode(data.bitmap, data.bitmap.width, data.bitmap.height, data.capturedMs).then(() => {
        data.bitmap.close();
        tell({ type: 'idle' });
      });
      break;
    case 'wish':
      wish = { layers: data.layers, quality: data.quality };
      wished?.();
      break;
  }
});

async function readAll(readable: ReadableStream<VideoFrame>): Promise<void> {
  const reader = readable.getReader();
  let dueMs = 0;
  for (;;) {
    while (wish.layers.length === 0) {
      await new Promise<void>((again) => {
        wished = again;
      });
    }
    const { value: frame, done } = await reader.read();
    if (done) return;
    const nowMs = performance.now();
    if (nowMs + EARLY_MS >= dueMs) {
      dueMs = Math.max(dueMs, nowMs - EARLY_MS) + 1_000 / FRAMES_PER_SECOND_MAX;
      await encode(frame, frame.displayWidth, frame.displayHeight, captureClockMs());
    }
    frame.close();
  }
}

async function encode(
  picture: CanvasImageSource,
  width: number,
  height: number,
  capturedMs: number,
): Promise<void> {
  for (const layer of layersToSend(wish.layers, wish.quality)) {
    const size = layerSize(width, height, layer);
    const canvas = canvasOf(layer, size);
    canvas.getContext('2d', { alpha: false })?.drawImage(picture, 0, 0, size.width, size.height);
    try {
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: wish.quality.jpeg });
      const jpeg = await blob.arrayBuffer();
      tell({ type: 'frame', layer, capturedMs, jpeg }, [jpeg]);
    } catch {
      // No memory for this picture; there may be some for the next.
    }
  }
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
