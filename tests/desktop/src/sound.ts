/** Speaking into a machine's microphone, and hearing its speaker: who said what, how much later. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MOUTH, SPEAKER, type Machine } from './machine';

export const RATE = 16_000;
/** One value of loudness is of so many samples: 10 ms. */
const HOP_MS = 10;
const HOP = (RATE * HOP_MS) / 1_000;
/** Edges of the bands of speech in hertz, narrow where vowels differ (after the Bark scale). */
const EDGES = [150, 300, 450, 650, 900, 1_200, 1_600, 2_200, 3_200, 5_000] as const;
const FFT = 512;
/** Speech is compared in stretches of a second, twice a second. */
const STRETCH = 1_000 / HOP_MS;
const STRETCH_EVERY = STRETCH / 2;
/** A jitter buffer moves words about by so much, in either direction. */
const MOVED = 300 / HOP_MS;
/** Of the stretches so many have to be alike: the others may have been in a moment that was lost. */
const SHARE = 0.6;
/** From what is heard at this likeness on, it is the same speech: other speech reaches 0.35 (`stories/ears.test.ts`). */
export const ALIKE = 0.6;
/** A story that hears nothing tries again until then. */
const HEAR_MS = 60_000;
/** What was said is out of the speaker after so long. */
const AFTERWARDS_MS = 1_500;

const run = promisify(execFile);

/** Speaks sentences into a WAV; resolves to its samples. */
export async function speak(folder: string, words: string): Promise<{ path: string; samples: Float32Array }> {
  const path = join(folder, 'speech.wav');
  const spoken = join(folder, 'spoken.wav');
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

export interface Heard {
  samples: Float32Array;
  /** When the first of them was played, on the clock of `performance.now()`. */
  beganMs: number;
}

/** Records what a sink plays, from now until it is stopped. */
export function record(machine: Machine, sink = SPEAKER): () => Promise<Heard> {
  const args = [`--device=${sink}.monitor`, '--format=s16le', `--rate=${RATE}`, '--channels=1', '--raw', '--latency-msec=20'];
  const child = machine.spawn('parec', args);
  const pieces: Buffer[] = [];
  let beganMs = 0;
  child.stdout?.on('data', (piece: Buffer) => {
    if (pieces.length === 0) beganMs = performance.now() - (piece.length / 2 / RATE) * 1_000;
    pieces.push(piece);
  });
  return async () => {
    const gone = new Promise((done) => child.once('close', done));
    child.kill('SIGINT');
    await gone;
    return { samples: samplesOf(Buffer.concat(pieces)), beganMs };
  };
}

/** What came of words that were spoken into one machine's microphone. */
export interface Passed {
  like: number;
  /** From mouth to ear, in milliseconds. */
  delayMs: number;
  heard: Float32Array;
  /** What the speaker's own machine played meanwhile. */
  heardBack: Float32Array;
}

/** Speaks at one machine until it is heard at the other, or it is clear that it never will be: then what was heard last. */
export async function pass(words: string, from: Machine, to: Machine): Promise<Passed> {
  const { path, samples } = await speak(from.home, words);
  const end = performance.now() + HEAR_MS;
  // What is before the first word wakes everything up.
  await feed(from, path);
  for (;;) {
    const [said, hears, hearsBack] = [record(from, MOUTH), record(to), record(from)];
    await feed(from, path);
    await new Promise((later) => setTimeout(later, AFTERWARDS_MS));
    const [mouth, ear, back] = [await said(), await hears(), await hearsBack()];
    const [out, came] = [likeness(samples, mouth.samples), likeness(samples, ear.samples)];
    const delayMs = Math.round(ear.beganMs + came.atMs - (mouth.beganMs + out.atMs));
    console.log(`likeness ${came.like.toFixed(2)} (${out.like.toFixed(2)} at the mouth), ${delayMs} ms later`);
    if (came.like > ALIKE || performance.now() > end) {
      return { like: came.like, delayMs, heard: ear.samples, heardBack: back.samples };
    }
  }
}

/** Root mean square in dB below full scale. */
export function loudnessDb(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
}

export interface Likeness {
  /** Where in what was heard the speech begins, in milliseconds. */
  atMs: number;
  /** -1 to 1. */
  like: number;
}

/**
 * Where in what was heard the speech is, and how alike: the correlation of how loudness rises and falls in the bands
 * of speech, stretch by stretch. A stretch may be a little earlier or later than the others, and some of them may
 * be spoilt: the figure is the poorest of the {@link SHARE} that are most alike.
 */
export function likeness(said: Float32Array, heard: Float32Array): Likeness {
  const [a, b] = [envelopes(said), envelopes(heard)];
  const frames = a[0]?.length ?? 0;
  const last = (b[0]?.length ?? 0) - frames;
  const starts: number[] = [];
  for (let at = 0; at + STRETCH <= frames; at += STRETCH_EVERY) starts.push(at);
  // How alike each stretch is at each place of the other.
  const alike = starts.map((at) => {
    const row = new Float32Array(Math.max(0, last + 1));
    for (let lag = 0; lag <= last; lag += 1) row[lag] = stretchAlike(a, at, b, at + lag);
    return row;
  });
  let best: Likeness = { atMs: 0, like: -1 };
  for (let lag = 0; lag <= last; lag += 1) {
    const near = alike.map((row) => row.subarray(Math.max(0, lag - MOVED), lag + MOVED + 1).reduce((a, b) => Math.max(a, b), -1));
    near.sort((a, b) => b - a);
    const like = near[Math.ceil(SHARE * near.length) - 1] ?? -1;
    // Of places that are equally alike the one counts where most stretches lie.
    if (like > best.like) best = { atMs: middle(alike, lag) * HOP_MS, like };
  }
  return best;
}

/** Where around `lag` most of the stretches are most alike. */
function middle(alike: readonly Float32Array[], lag: number): number {
  const places = alike.map((row) => {
    let best = lag;
    for (let at = Math.max(0, lag - MOVED); at <= lag + MOVED && at < row.length; at += 1) {
      if ((row[at] ?? -1) > (row[best] ?? -1)) best = at;
    }
    return best;
  });
  places.sort((a, b) => a - b);
  return places[Math.floor(places.length / 2)] ?? lag;
}

/** The mean over the bands. */
function stretchAlike(a: readonly Float32Array[], atA: number, b: readonly Float32Array[], atB: number): number {
  let sum = 0;
  for (const [band, envelope] of a.entries()) {
    const other = b[band]?.subarray(atB, atB + STRETCH) ?? new Float32Array();
    sum += correlation(envelope.subarray(atA, atA + STRETCH), other);
  }
  return sum / a.length;
}

function samplesOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength - (bytes.byteLength % 2));
  return Float32Array.from({ length: view.byteLength / 2 }, (_, at) => view.getInt16(2 * at, true) / 32_768);
}

/** Loudness of each band every 10 ms, in dB over a floor that hides silence. */
function envelopes(samples: Float32Array): Float32Array[] {
  const count = Math.max(0, Math.floor((samples.length - FFT) / HOP) + 1);
  const bands = EDGES.slice(1).map(() => new Float32Array(count));
  const re = new Float32Array(FFT);
  const im = new Float32Array(FFT);
  for (let frame = 0; frame < count; frame += 1) {
    for (let at = 0; at < FFT; at += 1) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / FFT);
      re[at] = (samples[frame * HOP + at] ?? 0) * window;
      im[at] = 0;
    }
    transform(re, im);
    for (const [band, envelope] of bands.entries()) {
      const [from, to] = [EDGES[band] ?? 0, EDGES[band + 1] ?? 0];
      let power = 0;
      for (let bin = Math.round((from * FFT) / RATE); bin < Math.round((to * FFT) / RATE); bin += 1) {
        power += (re[bin] ?? 0) ** 2 + (im[bin] ?? 0) ** 2;
      }
      envelope[frame] = 10 * Math.log10(power + 1e-3);
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
