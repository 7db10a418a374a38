/** The measure of the stories that listen: it knows speech again, and nothing else. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ALIKE, likeness, RATE, speak } from '../src/sound';

const WORDS = 'The quick brown fox jumps over the lazy dog. Seven silver swans swam silently seaward.';
const OTHERS = 'Nobody expects a letter from the harbour on a rainy Thursday, said the old clockmaker, and went on.';
let folder = '';
let said = new Float32Array();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conclave-ears-'));
  said = Float32Array.from((await speak(folder, WORDS)).samples);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Silence of so many milliseconds. */
const pause = (ms: number): Float32Array => new Float32Array((RATE * ms) / 1_000);

function joined(...parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

it('speech is found where it is, though moments of it are lost and others come late', () => {
  const second = RATE;
  const spoilt = joined(
    pause(730),
    said.subarray(0, second),
    pause(120),
    said.subarray(second, 2 * second),
    // A tenth of a second that was concealed as silence.
    pause(100),
    said.subarray(2 * second + RATE / 10),
    pause(2_000),
  ).map((sample) => 0.3 * sample + 0.000_5 * Math.sin(sample * 1e6));
  const { like, atMs } = likeness(said, spoilt);
  expect(like).toBeGreaterThan(ALIKE + 0.1);
  expect(Math.abs(atMs - 730)).toBeLessThan(250);
});

it('other speech, noise, a tone and silence are not taken for it', async () => {
  const other = (await speak(folder, OTHERS)).samples;
  let state = 1;
  const noise = pause(9_000).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
  const tone = pause(9_000).map((_, at) => 0.5 * Math.sin((2 * Math.PI * 440 * at) / RATE));
  for (const [name, heard] of Object.entries({ other: joined(other, pause(4_000)), noise, tone, silence: pause(9_000) })) {
    const { like } = likeness(said, heard);
    console.log(name, like.toFixed(2));
    expect(like, name).toBeLessThan(ALIKE - 0.1);
  }
});
