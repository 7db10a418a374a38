/** Hearing what a page plays: the loudest tones of the sound that its speaker gets. */

import type { Page } from 'playwright-core';

declare global {
  interface Window {
    /** Streams that elements of this page play. */
    conclavePlayed: Set<MediaStream>;
    /** Analysers of all that this page sounds by itself. */
    conclaveRung: AnalyserNode[];
  }
}

/** A page of any browser that runs functions. */
export interface Runs {
  evaluate<Given, Result>(what: (given: Given) => Result | Promise<Result>, given: Given): Promise<Result>;
}

/** Call it before the page is opened: notes every stream that an audio element is given. */
export async function listen(page: Page): Promise<void> {
  await page.addInitScript(noteWhatIsPlayed);
}

/** Runs in the page, before its first script. */
export function noteWhatIsPlayed(): void {
  window.conclavePlayed = new Set();
  const property = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'srcObject');
  Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', {
    ...property,
    set(this: HTMLMediaElement, stream: MediaStream | null) {
      const before = property?.get?.call(this) as MediaStream | null;
      if (before !== null) window.conclavePlayed.delete(before);
      if (this instanceof HTMLAudioElement && stream !== null) window.conclavePlayed.add(stream);
      property?.set?.call(this, stream);
    },
  });
}

/** Call it before the page is opened: whatever it synthesises for its speaker can be heard by {@link rings}. */
export async function listenForRings(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.conclaveRung = [];
    const connect = AudioNode.prototype.connect as (this: AudioNode, ...given: unknown[]) => unknown;
    AudioNode.prototype.connect = function (this: AudioNode, ...given: unknown[]): AudioNode {
      const [to] = given;
      if (to instanceof AudioDestinationNode && this.context instanceof AudioContext) {
        const analyser = new AnalyserNode(this.context, { fftSize: 8_192, smoothingTimeConstant: 0 });
        connect.call(this, analyser);
        window.conclaveRung.push(analyser);
      }
      connect.apply(this, given);
      return to as AudioNode;
    } as typeof AudioNode.prototype.connect;
  });
}

/**
 * The loudest that each tone is, in dB below full scale, in what the page sounds by itself from now on until the
 * first of them is louder than `from` and has died away again, or `deadlineMs` is over.
 */
export function rings(page: Runs, hertz: number[], from: number, deadlineMs: number): Promise<number[]> {
  return page.evaluate(
    async ({ hertz, from, deadlineMs }) => {
      const loudest = hertz.map(() => -200);
      const end = performance.now() + deadlineMs;
      while (performance.now() < end) {
        await new Promise((again) => setTimeout(again, 50));
        // Of one that nothing plays on any more nothing is to be had.
        const open = window.conclaveRung.filter(({ context }) => context.state === 'running');
        const rang = (loudest[0] ?? -200) > from;
        if (rang && open.length === 0) break;
        const now = hertz.map(() => 0);
        for (const analyser of open) {
          const bins = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(bins);
          hertz.forEach((tone, at) => {
            const bin = Math.round((tone * analyser.fftSize) / analyser.context.sampleRate);
            const level = Math.max(...bins.subarray(bin - 1, bin + 2));
            now[at] = (now[at] ?? 0) + 10 ** (level / 20);
          });
        }
        now.forEach((amplitude, at) => {
          loudest[at] = Math.max(loudest[at] ?? -200, 20 * Math.log10(Math.max(amplitude, 1e-10)));
        });
      }
      return loudest;
    },
    { hertz, from, deadlineMs },
  );
}

/**
 * The level of each tone in what the page has played for `ms`, in dB below full scale: the loudest that it
 * was in any stretch of 170 ms.
 */
export function loudnessOf(page: Runs, hertz: number[], ms = 1_500): Promise<number[]> {
  return page.evaluate(
    async ({ hertz, ms }) => {
      const context = new AudioContext({ sampleRate: 48_000 });
      await context.resume();
      const analyser = new AnalyserNode(context, { fftSize: 8_192, smoothingTimeConstant: 0 });
      for (const stream of window.conclavePlayed) {
        if (stream.getAudioTracks().length > 0) context.createMediaStreamSource(stream).connect(analyser);
      }
      const bins = new Float32Array(analyser.frequencyBinCount);
      // No level is less than this, and JSON has no infinity.
      const loudest = hertz.map(() => -200);
      const end = performance.now() + ms;
      while (performance.now() < end) {
        await new Promise((again) => setTimeout(again, 100));
        analyser.getFloatFrequencyData(bins);
        hertz.forEach((tone, at) => {
          const bin = Math.round((tone * analyser.fftSize) / context.sampleRate);
          const level = Math.max(...bins.subarray(bin - 2, bin + 3));
          loudest[at] = Math.max(loudest[at] ?? -200, level);
        });
      }
      await context.close();
      return loudest;
    },
    { hertz, ms },
  );
}

/** Waits until the first tone is heard, and the others are not. */
export async function hears(page: Runs, tone: number, not: number[], deadlineMs = 30_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  let heard: number[] = [];
  while (performance.now() < end) {
    heard = await loudnessOf(page, [tone, ...not]);
    const [wanted = -Infinity, ...others] = heard;
    if (wanted > -45 && others.every((other) => other < wanted - 25)) return;
  }
  throw new Error(`of ${[tone, ...not].join(', ')} Hz it heard ${heard.map((db) => db.toFixed(0)).join(', ')} dB`);
}
