/** Seeing what a page draws. */

import type { Page } from 'playwright-core';
import { DEADLINE_MS } from './guest';

/** Waits until so many different pictures of somebody were drawn in the page. */
export async function sees(page: Page, name: string, pictures = 5): Promise<void> {
  const tile = page.locator('li[data-person]', { hasText: name });
  await tile.locator('canvas').waitFor();
  await tile.locator('canvas').evaluate(
    async (canvas: HTMLCanvasElement, { pictures, deadlineMs }) => {
      const small = new OffscreenCanvas(64, 36);
      const context = small.getContext('2d', { willReadFrequently: true });
      const seen = new Set<string>();
      const end = performance.now() + deadlineMs;
      while (seen.size < pictures) {
        if (performance.now() > end) throw new Error(`only ${seen.size} different pictures were drawn`);
        await new Promise((again) => setTimeout(again, 60));
        context?.drawImage(canvas, 0, 0, 64, 36);
        const pixels = context?.getImageData(0, 0, 64, 36).data ?? [];
        // A canvas that nobody has drawn on is black.
        if (pixels.some((value, at) => at % 4 !== 3 && value > 40)) seen.add(pixels.join());
      }
    },
    { pictures, deadlineMs: 2 * DEADLINE_MS },
  );
}

/** How many different pictures a canvas showed in `ms`. */
export function picturesIn(page: Page, name: string, ms: number): Promise<number> {
  const tile = page.locator('li[data-person]', { hasText: name });
  return tile.locator('canvas').evaluate(async (canvas: HTMLCanvasElement, ms) => {
    const context = new OffscreenCanvas(64, 36).getContext('2d', { willReadFrequently: true });
    const seen = new Set<string>();
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await new Promise((again) => setTimeout(again, 30));
      context?.drawImage(canvas, 0, 0, 64, 36);
      seen.add(context?.getImageData(0, 0, 64, 36).data.join() ?? '');
    }
    return seen.size;
  }, ms);
}
