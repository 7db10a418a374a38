/** A file from one guest to another, whole, whatever happens on the way. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;
const MIB = 1024 * 1024;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conclave-files-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(name: string, bytes: number): Promise<{ path: string; sha256: string }> {
  const content = randomBytes(bytes);
  const path = join(folder, name);
  await writeFile(path, content);
  return { path, sha256: sha256(content) };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function openFiles(...guests: Guest[]): Promise<void> {
  for (const guest of guests) await guest.button(/^Files/).click();
}

async function send(guest: Guest, path: string): Promise<void> {
  await guest.page.locator('input[type=file]').setInputFiles(path);
}

async function fetched(guest: Guest, name: string): Promise<string> {
  const download = guest.page.waitForEvent('download');
  await guest.button(`Download ${name}`).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe(name);
  return sha256(await readFile(await saved.path()));
}

/** Waits until some of the file has gone, but not all. */
async function isUnderWay(guest: Guest, name: string): Promise<void> {
  const progress = guest.page.getByRole('progressbar', { name: `Progress of ${name}` });
  await expect.poll(async () => Number(await progress.getAttribute('aria-valuenow')), { timeout: 30_000 }).toBeGreaterThan(0);
}

it('50 MB arrive as they are though the cable is pulled on the way', async () => {
  const room = await the.server.createRoom({ title: 'Parcel' });
  const cable = await the.cable();
  // So slow that the cable can be pulled while it is under way.
  cable.limit(12 * MIB);
  const ada = await the.comeIn(cable.through(room.host), { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  await openFiles(ada, bob);
  const parcel = await fileOf('parcel.bin', 50 * MIB);
  const hash = hashSent(ada);
  await send(ada, parcel.path);
  await isUnderWay(ada, 'parcel.bin');
  cable.pull();
  await ada.page.getByText('The link is lost. It goes on by itself.').first().waitFor();
  cable.plugIn();
  await bob.button('Download parcel.bin').waitFor({ timeout: 60_000 });
  expect(hash()).toBe(parcel.sha256);
  expect(await fetched(bob, 'parcel.bin')).toBe(parcel.sha256);
  ada.expectComplaints(/WebSocket|ERR_/);
}, 180_000);

it('an upload is paused, and goes on after the page was loaded again where it stood', async () => {
  const room = await the.server.createRoom({ title: 'Pause' });
  const cable = await the.cable();
  cable.limit(8 * MIB);
  const ada = await the.comeIn(cable.through(room.host), { name: 'Ada', ...SILENT });
  await openFiles(ada);
  const letter = await fileOf('letter.bin', 24 * MIB);
  await send(ada, letter.path);
  await isUnderWay(ada, 'letter.bin');
  await ada.button('Pause letter.bin').click();
  await ada.page.getByText('Paused').waitFor();
  await ada.button('Go on with letter.bin').click();
  await expect.poll(() => progressOf(ada, 'letter.bin'), { timeout: 30_000 }).toBeGreaterThan(0.3);

  await ada.page.reload();
  await ada.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  await openFiles(ada);
  const began = firstOffset(ada);
  cable.limit(Infinity);
  await send(ada, letter.path);
  await ada.button('Download letter.bin').waitFor({ timeout: 60_000 });
  expect(began()).toBeGreaterThan(4 * MIB);
  expect(await fetched(ada, 'letter.bin')).toBe(letter.sha256);
  // What the page before had sent may still be on its way to the disk when this one asks: it asks again.
  ada.expectComplaints(/ERR_|409/);
}, 180_000);

it('names of any letters, and files of nothing, are passed on as they are', async () => {
  const room = await the.server.createRoom({ title: 'Names' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  await openFiles(ada);
  for (const [name, bytes] of [['Übung ③ – «ответ».txt', 10], ['empty', 0]] as const) {
    const { path, sha256 } = await fileOf(name, bytes);
    await send(ada, path);
    await ada.button(`Download ${name}`).waitFor();
    expect(await fetched(ada, name)).toBe(sha256);
  }
});

async function progressOf(guest: Guest, name: string): Promise<number> {
  const progress = guest.page.getByRole('progressbar', { name: `Progress of ${name}` });
  const [now, max] = [await progress.getAttribute('aria-valuenow'), await progress.getAttribute('aria-valuemax')];
  return Number(now) / Number(max ?? 1);
}

/** The hash of the whole that the page sent along with its last piece. */
function hashSent(guest: Guest): () => string | undefined {
  let sent: string | undefined;
  guest.page.on('request', (request) => {
    sent = request.headers()['conclave-sha256'] ?? sent;
  });
  return () => sent;
}

/** Where the first piece of an upload from now on began. */
function firstOffset(guest: Guest): () => number | undefined {
  let first: number | undefined;
  guest.page.on('request', (request) => {
    if (request.method() === 'PATCH') first ??= Number(request.headers()['upload-offset']);
  });
  return () => first;
}
