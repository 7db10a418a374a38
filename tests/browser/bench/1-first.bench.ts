/** From the button before the door to the first sound and the first picture, with a fresh profile each time. */

import { expect, it } from 'vitest';
import { Guest } from '../src/guest';
import { story } from '../src/story';
import { Measured, QUICK, percentile } from './figures';

const ROUNDS = QUICK ? 2 : 15;
const WHY = 'a page that is loaded for the first time compiles its script and opens its devices on cores that a second browser encodes and decodes on';

interface First {
  soundMs: number | null;
  pictureMs: number | null;
}

const the = story();

/** Notes when the page first sounds and first draws somebody, counted from the click on Join. */
async function note(guest: Guest): Promise<void> {
  await guest.page.addInitScript(() => {
    const first: First = { soundMs: null, pictureMs: null };
    Object.assign(window, { conclaveFirst: first });
    let clickedMs: number | undefined;
    let context: AudioContext | undefined;
    document.addEventListener(
      'click',
      ({ target }) => {
        const button = target instanceof Element ? target.closest('button') : null;
        if (button?.textContent.trim() !== 'Join') return;
        clickedMs = performance.now();
        context = new AudioContext();
      },
      { capture: true },
    );
    const property = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'srcObject');
    Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', {
      ...property,
      set(this: HTMLMediaElement, stream: MediaStream | null) {
        property?.set?.call(this, stream);
        const since = clickedMs;
        if (!(this instanceof HTMLAudioElement) || stream === null || context === undefined || since === undefined) return;
        const analyser = new AnalyserNode(context, { fftSize: 256 });
        context.createMediaStreamSource(stream).connect(analyser);
        const samples = new Float32Array(256);
        const timer = setInterval(() => {
          analyser.getFloatTimeDomainData(samples);
          if (!samples.some((sample) => Math.abs(sample) > 0.02)) return;
          first.soundMs ??= performance.now() - since;
          clearInterval(timer);
        }, 5);
      },
    });
    const draw = CanvasRenderingContext2D.prototype.drawImage as (...given: unknown[]) => void;
    CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...given: unknown[]): void {
      draw.apply(this, given);
      const since = clickedMs;
      const name = this.canvas.closest('li[data-person]')?.querySelector('.name')?.textContent ?? '(you)';
      if (since === undefined || first.pictureMs !== null || name.includes('(you)')) return;
      requestAnimationFrame(() => {
        first.pictureMs ??= performance.now() - since;
      });
    } as typeof CanvasRenderingContext2D.prototype.drawImage;
  });
}

it('the first sound and the first picture', async () => {
  const room = await the.server.createRoom({ title: 'First' });
  await the.comeIn(room.host, { name: 'Bob', hertz: 440 });
  const sounds: number[] = [];
  const pictures: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const ada = await Guest.open({ name: 'Ada' });
    await note(ada);
    await ada.join(room.join);
    const first = (): Promise<First> =>
      ada.page.evaluate(() => ({ ...(window as never as { conclaveFirst: First }).conclaveFirst }));
    await expect.poll(first, { timeout: 20_000 }).toEqual({ soundMs: expect.any(Number), pictureMs: expect.any(Number) });
    const { soundMs, pictureMs } = await first();
    sounds.push(soundMs ?? NaN);
    pictures.push(pictureMs ?? NaN);
    await ada.leave();
    await ada.close();
  }
  const measured = new Measured();
  measured.times('from *Join* to the first sound heard, fresh profile', sounds);
  measured.times('from *Join* to the first picture of another seen, fresh profile', pictures);
  measured.atMost('Page: from the button to the first heard sound, slowest', 1_500, percentile(sounds, 1), 'ms', WHY);
  measured.atMost('Page: from the button to the first seen picture, slowest', 1_500, percentile(pictures, 1), 'ms', WHY);
  await measured.write('1-first');
});
