/** Files both ways. */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { Desk } from '../src/desk';
import { until } from '../src/machine';
import { story } from '../src/story';

const the = story();
const MIB = 1024 * 1024;
const BYTES = 200 * MIB;
const LATE_MS = 120_000;

/** Writes a file that no compression makes smaller; resolves to its SHA-256. */
async function write(path: string, bytes: number, seed: number): Promise<string> {
  const hash = createHash('sha256');
  const file = createWriteStream(path);
  let state = seed;
  for (let written = 0; written < bytes; written += MIB) {
    const piece = new Uint32Array(MIB / 4);
    for (let at = 0; at < piece.length; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      piece[at] = state;
    }
    const buffer = Buffer.from(piece.buffer);
    hash.update(buffer);
    if (!file.write(buffer)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
  return hash.digest('hex');
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

async function pass(from: Desk, to: Desk, name: string, seed: number): Promise<void> {
  await mkdir(join(from.machine.home, 'Documents'), { recursive: true });
  const path = join(from.machine.home, 'Documents', name);
  const wanted = await write(path, BYTES, seed);
  await from.window.choose(path);
  const download = new RegExp(`^Download ${name.replace('.', '\\.')}`, 'u');
  await until(`file ${name}`, () => to.window.has(download), LATE_MS);
  await to.window.press(download);
  const there = join(to.machine.downloads, name);
  const whole = (): Promise<boolean> => stat(there).then(({ size }) => size === BYTES, () => false);
  await until(`downloaded ${name}`, whole, LATE_MS);
  expect(await sha256(there)).toBe(wanted);
}

it('a file of 200 MiB goes both ways and is the same', async () => {
  const room = await the.room('Files');
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  for (const desk of [ada, bob]) await desk.window.press(/^Files/u);
  await pass(ada, bob, 'there.bin', 7);
  await pass(bob, ada, 'back.bin', 11);

  // Nothing can be dragged out of this window; the folder with the file in it opens, where it can be.
  const opened = join(bob.machine.home, 'opened');
  await bob.machine.install('xdg-open', `echo "$1" > ${opened}`);
  await bob.window.press('Show there.bin in its folder');
  await until('opened folder', () => readFile(opened, 'utf8').then((path) => path.trim() === bob.machine.downloads, () => false));
});
