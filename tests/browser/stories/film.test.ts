/** A film evening: a page, two with mpv, and one who shows nothing, each with their own copy. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { NativeWatchers } from '../src/crowd';
import { story } from '../src/story';

const the = story();
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FRAMES_PER_SECOND = 60;
/** Frames that the page may be off, by what is on its screen: its own, the server's answer, and a busy machine. */
const OFF_MS_MAX = 80;

/**
 * The picture on the page's screen against where the server says that the room is, in milliseconds; the median of
 * some looks. The number of a frame stands in it as twelve blocks (`scripts/test-film`).
 */
function offMs(page: Page, slug: string): Promise<number> {
  return page.evaluate(
    async ({ slug, perSecond }) => {
      const kept = sessionStorage.getItem(`conclave.seat.${slug}`) ?? '{}';
      const { seatToken } = JSON.parse(kept) as { seatToken?: string };
      const video = document.querySelector('video');
      const canvas = document.createElement('canvas');
      canvas.width = 640;
      canvas.height = 60;
      const pen = canvas.getContext('2d', { willReadFrequently: true });
      if (video === null || pen === null) throw new Error('nothing to look at');
      const offs: number[] = [];
      for (let look = 0; look < 21; look += 1) {
        const asked = performance.now();
        const answer = await fetch(`/api/rooms/${slug}/film`, { headers: { Authorization: `Bearer ${seatToken}` } });
        const answered = performance.now();
        const told = (await answer.json()) as { positionMs: number };
        pen.drawImage(video, 0, 0, 640, 60, 0, 0, 640, 60);
        const seen = performance.now();
        let frame = 0;
        for (let bit = 0; bit < 12; bit += 1) {
          const [red = 0] = pen.getImageData(40 + 50 * bit, 40, 1, 1).data;
          if (red > 127) frame += 2 ** bit;
        }
        const wanted = told.positionMs + seen - (asked + answered) / 2;
        offs.push((frame / perSecond) * 1_000 - wanted);
        await new Promise((later) => setTimeout(later, 70));
      }
      return offs.sort((a, b) => a - b)[10] ?? NaN;
    },
    { slug, perSecond: FRAMES_PER_SECOND },
  );
}

it('a page, two mpv and one who shows nothing watch a film at the same moment', async () => {
  const { stdout } = await promisify(execFile)(`${ROOT}/scripts/test-film`, { cwd: ROOT });
  const film = stdout.trim().split('\n').at(-1) ?? '';
  const room = await the.server.createRoom({ title: 'Cinema', settings: { film: true } });
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: false, camera: false });
  await ada.page.keyboard.press('w');
  const [chooser] = await Promise.all([ada.page.waitForEvent('filechooser'), ada.button('Open a film').first().click()]);
  await chooser.setFiles(film);
  await ada.page.locator('.mark.ready').waitFor();

  const others = NativeWatchers.join(the.server.origin, room.slug, film, 3, 2, 25);
  try {
    await expect.poll(() => ada.page.locator('.mark.ready').count(), { timeout: 30_000 }).toBe(4);
    await ada.button('Play for everybody').click();
    const at = () => ada.page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime);
    await expect.poll(at, { timeout: 30_000 }).toBeGreaterThan(4);
    expect(Math.abs(await offMs(ada.page, room.slug))).toBeLessThan(OFF_MS_MAX);
    await ada.button('10 seconds forth').click();
    await expect.poll(at).toBeGreaterThan(14);
    await expect.poll(async () => Math.abs(await offMs(ada.page, room.slug)), { timeout: 20_000 }).toBeLessThan(OFF_MS_MAX);
    const { film: seen } = await others.figures();
    expect(seen).toMatchObject({ watchers: 3, moved: 3, failures: [] });
    expect(seen.drift_p95_ms).toBeLessThan(OFF_MS_MAX);
  } finally {
    others.kill();
  }
});
