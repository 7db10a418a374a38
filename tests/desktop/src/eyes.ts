/** Seeing what a window draws on its canvases. */

import type { Driver } from './driver';

/** How many different pictures of somebody were drawn, of at most `pictures` in `ms`. */
export function picturesOf(window: Driver, name: string, pictures: number, ms: number): Promise<number> {
  return window.run(
    async (name: string, pictures: number, ms: number) => {
      const tile = (): HTMLCanvasElement | null =>
        [...document.querySelectorAll('li[data-person]')]
          .find((tile) => (tile as HTMLElement).innerText.includes(name))
          ?.querySelector('canvas') ?? null;
      const small = document.createElement('canvas');
      small.width = 64;
      small.height = 36;
      const context = small.getContext('2d', { willReadFrequently: true });
      const seen = new Set<string>();
      const end = performance.now() + ms;
      while (seen.size < pictures && performance.now() < end) {
        await new Promise((again) => setTimeout(again, 60));
        const canvas = tile();
        if (canvas === null || context === null) continue;
        context.drawImage(canvas, 0, 0, 64, 36);
        const { data } = context.getImageData(0, 0, 64, 36);
        // A canvas that nobody has drawn on is black.
        if (data.some((value, at) => at % 4 !== 3 && value > 40)) seen.add(data.join());
      }
      return seen.size;
    },
    name,
    pictures,
    ms,
  );
}

/** The shared screen as the window shows it: its pixels as RGB in base64, or nothing. */
export function screenOf(window: Driver, width: number, height: number): Promise<string | null> {
  return window.run(
    (width: number, height: number) => {
      const canvas = [...document.querySelectorAll('canvas')].find((one) => one.width === width && one.height === height);
      const data = canvas?.getContext('2d')?.getImageData(0, 0, width, height).data;
      if (data === undefined) return null;
      let text = '';
      for (let at = 0; at < data.length; at += 4) {
        text += String.fromCharCode(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
      }
      return btoa(text);
    },
    width,
    height,
  );
}

/** How many pixels of two pictures (RGB, rows from the top) are not the same: outside of a square, and inside. */
export function differing(
  a: Uint8Array,
  b: Uint8Array,
  width: number,
  square: { x: number; y: number; size: number },
): [number, number] {
  if (a.length !== b.length) return [Math.max(a.length, b.length) / 3, 0];
  let [outside, inside] = [0, 0];
  for (let at = 0; at < a.length; at += 3) {
    if (a[at] === b[at] && a[at + 1] === b[at + 1] && a[at + 2] === b[at + 2]) continue;
    const [x, y] = [((at / 3) % width) - square.x, Math.floor(at / 3 / width) - square.y];
    if (x >= 0 && y >= 0 && x < square.size && y < square.size) inside += 1;
    else outside += 1;
  }
  return [outside, inside];
}
