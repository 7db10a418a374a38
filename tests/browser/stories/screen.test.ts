/** A shared screen: what moves is seen at once, and what stands is exact. */

import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

declare global {
  interface Window {
    /** The display that stands in for a real one, and its track. */
    conclaveDisplay: { canvas: HTMLCanvasElement; draw(seed: number): void; stream: MediaStream };
  }
}

/** A display of small text and noise; its size is no multiple of a tile. */
async function pretendDisplay(page: Page): Promise<void> {
  await page.addInitScript(() => {
    navigator.mediaDevices.getDisplayMedia = async () => {
      const canvas = document.createElement('canvas');
      canvas.width = 900;
      canvas.height = 500;
      const context = canvas.getContext('2d', { alpha: false })!;
      const draw = (seed: number): void => {
        const noise = context.createImageData(300, 200);
        let state = seed;
        for (let at = 0; at < noise.data.length; at += 1) {
          state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
          noise.data[at] = at % 4 === 3 ? 255 : state >> 16;
        }
        context.fillStyle = `hsl(${(seed * 67) % 360} 70% 80%)`;
        context.fillRect(0, 0, 900, 500);
        context.fillStyle = '#102030';
        context.font = '13px sans-serif';
        for (let row = 0; row < 30; row += 1) context.fillText(`${seed} Exact text, row ${row}: ${'Iljm'.repeat(20)}`, 10, 16 * row + 14);
        context.putImageData(noise, 550, 250);
      };
      draw(1);
      const stream = canvas.captureStream(30);
      window.conclaveDisplay = { canvas, draw, stream };
      return stream;
    };
  });
}

/** The pixels of the shared screen as a page shows it. */
function shown(page: Page): Promise<{ width: number; height: number; pixels: string } | undefined> {
  return page.evaluate(async () => {
    const canvas = [...document.querySelectorAll('canvas')].find(({ width, height }) => width === 900 && height === 500);
    const data = canvas?.getContext('2d')?.getImageData(0, 0, 900, 500).data;
    if (canvas === undefined || data === undefined) return undefined;
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    return { width: canvas.width, height: canvas.height, pixels: [...hash].join() };
  });
}

/** What the browser has captured of the display, in the same way. */
function captured(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = window.conclaveDisplay.stream;
    await video.play();
    const copy = new OffscreenCanvas(900, 500).getContext('2d', { alpha: false, willReadFrequently: true })!;
    copy.drawImage(video, 0, 0);
    video.srcObject = null;
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', copy.getImageData(0, 0, 900, 500).data));
    return [...hash].join();
  });
}

it('a screen is seen by those who are there and by who comes late, and exact when it stands', async () => {
  const room = await the.server.createRoom({ title: 'Slides' });
  const ada = await the.open({ name: 'Ada', ...SILENT });
  await pretendDisplay(ada.page);
  await ada.join(room.host);
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });

  await ada.button('Share a screen').click();
  await ada.page.getByText('Your screen is being shared').waitFor();
  await expect.poll(() => shown(bob.page), { timeout: 30_000 }).toBeDefined();
  for (const seed of [2, 3, 4, 5]) {
    const before = (await shown(bob.page))?.pixels;
    await ada.page.evaluate((seed) => window.conclaveDisplay.draw(seed), seed);
    await expect.poll(async () => (await shown(bob.page))?.pixels, { timeout: 30_000 }).not.toBe(before);
  }
  const exact = await captured(ada.page);
  await expect.poll(async () => (await shown(bob.page))?.pixels, { timeout: 30_000 }).toBe(exact);

  const cyd = await the.comeIn(room.join, { name: 'Cyd', ...SILENT });
  await expect.poll(async () => (await shown(cyd.page))?.pixels, { timeout: 30_000 }).toBe(exact);

  await ada.button('Stop sharing').first().click();
  await expect.poll(() => shown(bob.page)).toBeUndefined();
  await ada.button('Share a screen').waitFor();
});
