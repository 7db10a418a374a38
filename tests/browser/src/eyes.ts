/** Seeing what a page draws. */

import type { Page } from 'playwright-core';
import type { Runs } from './ears';
import { DEADLINE_MS } from './guest';

/** Waits until so many different pictures of somebody were drawn in the page. */
export async function sees(page: Runs, name: string, pictures = 5): Promise<void> {
  await page.evaluate(
    async ({ name, pictures, deadlineMs }) => {
      const small = document.createElement('canvas');
      small.width = 64;
      small.height = 36;
      const context = small.getContext('2d', { willReadFrequently: true });
      const seen = new Set<string>();
      const end = performance.now() + deadlineMs;
      while (seen.size < pictures) {
        if (performance.now() > end) throw new Error(`only ${seen.size} different pictures of ${name} were drawn`);
        await new Promise((again) => setTimeout(again, 60));
        const tile = [...document.querySelectorAll('li[data-person]')].find((tile) => tile.textContent.includes(name));
        const canvas = tile?.querySelector('canvas');
        if (!canvas) continue;
        context?.drawImage(canvas, 0, 0, 64, 36);
        const pixels = context?.getImageData(0, 0, 64, 36).data ?? [];
        // A canvas that nobody has drawn on is black.
        if (pixels.some((value, at) => at % 4 !== 3 && value > 40)) seen.add(pixels.join());
      }
    },
    { name, pictures, deadlineMs: 2 * DEADLINE_MS },
  );
}

declare global {
  interface Window {
    /** Camera pictures that this page has decoded. */
    conclaveDecoded: DecodedPicture[];
  }
}

/** One picture of somebody's camera, as it came over the network. */
export interface DecodedPicture {
  width: number;
  height: number;
  bytes: number;
  atMs: number;
}

/** Call it before the page is opened: notes every picture of a camera that comes to it. */
export async function countPictures(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.conclaveDecoded = [];
    const decode = window.createImageBitmap.bind(window) as (...given: unknown[]) => Promise<ImageBitmap>;
    window.createImageBitmap = (async (...given: unknown[]) => {
      const bitmap = await decode(...given);
      const [source] = given;
      if (source instanceof Blob && source.type === 'image/jpeg') {
        const { width, height } = bitmap;
        window.conclaveDecoded.push({ width, height, bytes: source.size, atMs: performance.now() });
      }
      return bitmap;
    }) as typeof window.createImageBitmap;
  });
}

/** The pictures that have come within the last so many milliseconds. */
export function picturesSince(page: Page, ms: number): Promise<DecodedPicture[]> {
  return page.evaluate((ms) => window.conclaveDecoded.filter(({ atMs }) => performance.now() - atMs <= ms), ms);
}
