/**
 * The time in pictures: whoever is filmed holds up a clock, and who sees it knows how old the picture is. The
 * clock is 32 fields side by side, black or white, most significant bit first: milliseconds of the Unix epoch
 * modulo 2^32. Cameras have it across the topmost twelfth, as the native client's test picture has its counter.
 */

import type { Page } from 'playwright-core';

/** One picture that was shown. */
export interface Shown {
  /** Whose camera, or `screen`. */
  of: string;
  /** From the capture of the picture until the browser draws the page with it, in ms. */
  latencyMs: number;
  /** When, on the page's clock. */
  atMs: number;
  heightPx: number;
}

interface Clock {
  /** Into the grey plane of a picture. */
  draw(picture: Uint8Array, pictureWidth: number, width: number, height: number): void;
  /** Age in ms of the clock whose upper left corner and size are given; none where there is no clock. */
  age(source: CanvasImageSource, top: number, width: number): number | undefined;
}

/** Chromium's, not in TypeScript's library (W3C, "MediaStreamTrack Insertable Media Processing"). */
interface TrackGenerator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}

declare global {
  interface Window {
    MediaStreamTrackGenerator: new (init: { kind: 'video' }) => TrackGenerator;
    conclaveClock: Clock;
    conclaveShown: Shown[];
  }
}

/** Pictures that say nothing are as heavy as a face: about 16 KiB in 360p. */
const NOISE = 22;

/** Cameras and screens of this page show the time. Call it before the page is opened. */
export async function filmTheTime(page: Page, picturesPerSecond: number): Promise<void> {
  await page.addInitScript(installClock);
  await page.addInitScript(
    ({ picturesPerSecond, noise }) => {
      // Grey pictures in memory, as a device gives them: a canvas that is filmed would cost more than all the rest.
      const film = (width: number, height: number, clockWidth: number, clockHeight: number): MediaStream => {
        const track = new window.MediaStreamTrackGenerator({ kind: 'video' });
        const writer = track.writable.getWriter();
        const pixels = width * height;
        const picture = new Uint8Array(pixels * 1.5).fill(128);
        for (let pixel = 0; pixel < pixels; pixel += 1) {
          const shade = (256 * (pixel % width)) / width + noise * (Math.random() - 0.5);
          picture[pixel] = Math.min(Math.max(shade, 16), 235);
        }
        const timer = setInterval(() => {
          if (track.readyState === 'ended') return clearInterval(timer);
          // A picture that is still to be taken would be older than the next.
          if ((writer.desiredSize ?? 0) <= 0) return;
          window.conclaveClock.draw(picture, width, clockWidth, clockHeight);
          const timestamp = Math.round(performance.now() * 1_000);
          const frame = new VideoFrame(picture, { format: 'I420', codedWidth: width, codedHeight: height, timestamp });
          writer.write(frame).catch(() => frame.close());
        }, 1_000 / picturesPerSecond);
        return new MediaStream([track]);
      };
      const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) =>
        wish?.video ? film(1_280, 720, 1_280, 60) : real(wish);
      // As wide as four tiles, so that one run of them has all of it.
      navigator.mediaDevices.getDisplayMedia = async () => film(1_280, 720, 256, 64);
    },
    { picturesPerSecond, noise: NOISE },
  );
}

/** Notes the age of every picture that this page shows. Call it before the page is opened. */
export async function readTheTime(page: Page): Promise<void> {
  await page.addInitScript(installClock);
  await page.addInitScript(() => {
    window.conclaveShown = [];
    const draw = CanvasRenderingContext2D.prototype.drawImage as (...given: unknown[]) => void;
    const nameOf = (canvas: HTMLCanvasElement): string | undefined => {
      const tile = canvas.closest('li[data-person]');
      if (tile === null) return canvas.width === 1_280 ? 'screen' : undefined;
      const name = tile.querySelector('.name')?.textContent.trim() ?? '';
      return name.includes('(you)') ? undefined : name;
    };
    const note = (of: string, top: number, width: number, source: CanvasImageSource, heightPx: number): void => {
      const before = Date.now();
      const age = window.conclaveClock.age(source, top, width);
      if (age === undefined) return;
      requestAnimationFrame(() => {
        const latencyMs = age + Date.now() - before;
        window.conclaveShown.push({ of, latencyMs, atMs: performance.now(), heightPx });
      });
    };
    CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...given: unknown[]): void {
      draw.apply(this, given);
      const [source, x, y] = given as [CanvasImageSource, number, number];
      if (!(source instanceof ImageBitmap) || !(this.canvas instanceof HTMLCanvasElement) || !this.canvas.isConnected) return;
      const of = nameOf(this.canvas);
      if (of === undefined) return;
      if (of !== 'screen') note(of, Math.floor(source.height / 24), source.width, source, source.height);
      // A run of tiles with something of the clock in it: of its fields, few change from one picture to the next.
      else if (y === 0 && x < 256) note(of, 32, 256, this.canvas, this.canvas.height);
    } as typeof CanvasRenderingContext2D.prototype.drawImage;
  });
}

/** The pictures of the next `ms`. */
export async function shownIn(page: Page, ms: number): Promise<Shown[]> {
  await page.evaluate(() => {
    window.conclaveShown = [];
  });
  await page.waitForTimeout(ms);
  return page.evaluate(() => window.conclaveShown);
}

/** Runs in the page. */
function installClock(): void {
  const FIELDS = 32;
  const DARK = 80;
  const LIGHT = 176;
  const WIDTH_MAX = 1_920;
  /** An older picture than this is none that was meant. */
  const AGE_MS_MAX = 60_000;
  const row = new OffscreenCanvas(WIDTH_MAX, 1).getContext('2d', { alpha: false, willReadFrequently: true })!;
  window.conclaveClock = {
    draw(picture, pictureWidth, width, height) {
      const now = Date.now() >>> 0;
      const row = new Uint8Array(width);
      for (let x = 0; x < width; x += 1) {
        row[x] = (now >>> (FIELDS - 1 - Math.floor((x * FIELDS) / width))) & 1 ? 235 : 16;
      }
      for (let y = 0; y < height; y += 1) picture.set(row, y * pictureWidth);
    },
    age(source, top, width) {
      row.drawImage(source, 0, top, width, 1, 0, 0, width, 1);
      const pixels = row.getImageData(0, 0, width, 1).data;
      let shown = 0;
      for (let field = 0; field < FIELDS; field += 1) {
        const middle = Math.floor(((field + 0.5) * width) / FIELDS);
        const light = pixels[4 * middle + 1] ?? 0;
        if (light > DARK && light < LIGHT) return undefined;
        shown = (shown << 1) | (light >= LIGHT ? 1 : 0);
      }
      const age = (Date.now() - shown) >>> 0;
      return age <= AGE_MS_MAX ? age : undefined;
    },
  };
}
