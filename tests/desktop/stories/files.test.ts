/** Files both ways. */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { Desk } from '../src/desk';
import { until } from '../src/machine';
import { story } from '../src/story';

const the = story();
const MIB = 1024 * 1024;
const BYTES = 200 * MIB;
const LATE_MS = 120_000;
const DROP_TARGET = fileURLToPath(new URL('../src/drop_target.py', import.meta.url));
/** On it, in pixels from the display's corner. */
const DROP_AT = 40;

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

/** Drags a file's row out of the window as a hand does, onto the drop target. */
async function drag({ machine, window }: Desk, name: string, target: string): Promise<void> {
  const place = (name: string): [number, number] | null => {
    const rows = [...document.querySelectorAll<HTMLElement>('[draggable="true"]')];
    const box = rows.find((row) => row.innerText.includes(name))?.getBoundingClientRect();
    return box === undefined ? null : [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
  };
  const move = (x: number, y: number): Promise<string> => machine.run('xdotool', 'mousemove', `${x}`, `${y}`);
  let [x, y] = [0, 0];
  const found = async (): Promise<boolean> => {
    const at = await window.run(place, name);
    if (at !== null) [x, y] = at;
    return at !== null;
  };
  await until('row that can be dragged', found, LATE_MS);
  await move(x, y);
  await machine.run('xdotool', 'mousedown', '1');
  let step = 0;
  const isOver = async (): Promise<boolean> => {
    step += 1;
    // First a little, so that it is a drag, then over the target and about.
    if (step < 5) await move(x - 5 * step, y - 5 * step);
    else await move(DROP_AT + (step % 20), DROP_AT + (step % 20));
    return stat(`${target}.over`).then(() => true, () => false);
  };
  await until('file over the target', isOver, LATE_MS);
  await machine.run('xdotool', 'mouseup', '1');
}

it('a file of 200 MiB goes both ways and is the same', async () => {
  const room = await the.room('Files');
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  for (const desk of [ada, bob]) await desk.window.press(/^Files/u);
  await pass(ada, bob, 'there.bin', 7);
  await pass(bob, ada, 'back.bin', 11);

  // A drag that begins when the button is up again is over at once, instead of with the next click.
  const dragged = await bob.window.run(async () => {
    const { __TAURI_INTERNALS__: program } = window as unknown as {
      __TAURI_INTERNALS__: { invoke(command: string, words: object): Promise<unknown> };
    };
    const drag = program.invoke('ask', { ask: { type: 'drag_file', payload: { id: 1 } } }).then(() => 'over', String);
    return Promise.race([drag, new Promise<string>((done) => setTimeout(() => done('it goes on'), 30_000))]);
  });
  expect(dragged).toBe('over');

  // A file that was fetched is dragged out of the window, into a program that takes files.
  const taken = join(bob.machine.home, 'taken');
  bob.machine.spawn('/usr/bin/python3', [DROP_TARGET, taken]);
  await drag(bob, 'there.bin', taken);
  const there = pathToFileURL(join(bob.machine.downloads, 'there.bin')).href;
  await until('dropped file', () => readFile(taken, 'utf8').then((address) => address === there, () => false));

  // Or its folder opens.
  const opened = join(bob.machine.home, 'opened');
  await bob.machine.install('xdg-open', `echo "$1" > ${opened}`);
  await bob.window.press('Show there.bin in its folder');
  await until('opened folder', () => readFile(opened, 'utf8').then((path) => path.trim() === bob.machine.downloads, () => false));
});
