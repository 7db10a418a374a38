/** Speaking into a machine's microphone, and hearing its speaker: who said what, how much later. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MOUTH, SPEAKER, type Machine } from './machine';

export const RATE = 16_000;
/** One value of loudness is of so many samples: 10 ms. */
const HOP = RATE / 100;
/** Bands of speech, in hertz: vowels, consonants, hiss. */
const BANDS = [
  [150, 600],
  [600, 1_800],
  [1_800, 4_000],
] as const;
const FFT = 512;

const run = promisify(execFile);

/** Speaks sentences into a WAV; resolves to its samples. */
export async function speak(machine: Machine, words: string): Promise<{ path: string; samples: Float32Array }> {
  const path = join(machine.home, 'speech.wav');
  const spoken = join(machine.home, 'spoken.wav');
  await run('espeak-ng', ['-v', 'en', '-s', '150', '-a', '180', '-w', spoken, words]);
  await run('sox', [spoken, '-r', '48000', '-c', '1', '-b', '16', path, 'gain', '-n', '-4']);
  const raw = await run('sox', [path, '-r', String(RATE), '-c', '1', '-e', 'signed', '-b', '16', '-t', 'raw', '-'], {
    encoding: 'buffer',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { path, samples: samplesOf(raw.stdout) };
}

/** Plays a WAV into the microphone; resolves at its end. */
export async function feed(machine: Machine, wav: string): Promise<void> {
  await machine.run('paplay', `--device=${MOUTH}`, wav);
}

/** Records what the speaker plays, from now until it is stopped. */
export function record(machine: Machine): () => Promise<Float32Array> {
  const path = join(machine.home, `heard-${Math.random().toString(36).slice(2)}.raw`);
  const args = [`--device=${SPEAKER}.monitor`, '--format=s16le', `--rate=${RATE}`, '--channels=1', '--raw', '--latency-msec=20', path];
  const child = machine.spawn('parec', args);
  return async () => {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGINT');
    await gone;
    return samplesOf(await readFile(path));
  };
}

/** Root mean square in dB below full scale. */
export function loudnessDb(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
}

export interface Likeness {
  /** How much later it was heard, in milliseconds. */
  delayMs: number;
  /** -1 to 1: how alike loudness in the bands of speech rises and falls. */
  correlation: number;
}

/** Where in what was heard the speech is, and how alike: the correlation of the loudness of its bands. */
export function likeness(said: Float32Array, heard: Float32Array): Likeness {
  const a = envelopes(said);
  const b = envelopes(heard);
  let best: Likeness = { delayMs: 0, correlation: -1 };
  const frames = a[0]?.length ?? 0;
  const last = (b[0]?.length ?? 0) - frames;
  for (let lag = 0; lag <= last; lag += 1) {
    let sum = 0;
    for (const [band, envelope] of a.entries()) {
      sum += correlation(envelope, b[band]?.subarray(lag, lag + frames) ?? new Float32Array());
    }
    const mean = sum / a.length;
    if (mean > best.correlation) best = { delayMs: lag * 10, correlation: mean };
  }
  return best;
}

function samplesOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength - (bytes.byteLength % 2));
  return Float32Array.from({ length: view.byteLength / 2 }, (_, at) => view.getInt16(2 * at, true) / 32_768);
}

/** Loudness of each band every 10 ms, in dB over a floor that hides silence. */
function envelopes(samples: Float32Array): Float32Array[] {
  const count = Math.max(0, Math.floor((samples.length - FFT) / HOP) + 1);
  const bands = BANDS.map(() => new Float32Array(count));
  const re = new Float32Array(FFT);
  const im = new Float32Array(FFT);
  for (let frame = 0; frame < count; frame += 1) {
    for (let at = 0; at < FFT; at += 1) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / FFT);
      re[at] = (samples[frame * HOP + at] ?? 0) * window;
      im[at] = 0;
    }
    transform(re, im);
    for (const [band, [from, to]] of BANDS.entries()) {
      let power = 0;
      for (let bin = Math.round((from * FFT) / RATE); bin < Math.round((to * FFT) / RATE); bin += 1) {
        power += (re[bin] ?? 0) ** 2 + (im[bin] ?? 0) ** 2;
      }
      const envelope = bands[band];
      if (envelope !== undefined) envelope[frame] = 10 * Math.log10(power + 1e-3);
    }
  }
  return bands;
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (list: Float32Array): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) {
    const [x, y] = [(a[at] ?? 0) - ma, (b[at] ?? 0) - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb + 1e-9);
}

/** The fast Fourier transform of Cooley and Tukey, in place. */
function transform(re: Float32Array, im: Float32Array): void {
  const size = re.length;
  for (let at = 1, to = 0; at < size; at += 1) {
    let bit = size >> 1;
    for (; to & bit; bit >>= 1) to ^= bit;
    to ^= bit;
    if (at < to) {
      [re[at], re[to]] = [re[to] ?? 0, re[at] ?? 0];
      [im[at], im[to]] = [im[to] ?? 0, im[at] ?? 0];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    for (let start = 0; start < size; start += length) {
      for (let at = 0; at < length / 2; at += 1) {
        const [c, s] = [Math.cos(angle * at), Math.sin(angle * at)];
        const [i, j] = [start + at, start + at + length / 2];
        const x = (re[j] ?? 0) * c - (im[j] ?? 0) * s;
        const y = (re[j] ?? 0) * s + (im[j] ?? 0) * c;
        re[j] = (re[i] ?? 0) - x;
        im[j] = (im[i] ?? 0) - y;
        re[i] = (re[i] ?? 0) + x;
        im[i] = (im[i] ?? 0) + y;
      }
    }
  }
}
