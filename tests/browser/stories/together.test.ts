/** Studying by one clock and watching one film, in browsers. */

import { execFile } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { violations } from '../src/axe';
import { listenForRings, rings } from '../src/ears';
import { countPictures, picturesSince } from '../src/eyes';
import { DEADLINE_MS, type Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;
/** Only ends a story that would fail anyway. */
const SOON = { timeout: DEADLINE_MS };
const PLAN = { focus_minutes: 25, short_break_minutes: 5, long_break_minutes: 15, cycles: 4 };
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const side = (guest: Guest) => guest.page.getByRole('complementary', { name: 'Side panel' });
const heard = (guest: Guest) => guest.page.getByRole('log').innerText();

/** What the window's title says is left, in seconds; null before the first span. */
async function left(guest: Guest): Promise<number | null> {
  const face = /^(\d+):(\d\d) /.exec(await guest.page.title());
  return face === null ? null : Number(face[1]) * 60 + Number(face[2]);
}

async function testFilm(): Promise<string> {
  const { stdout } = await promisify(execFile)(`${ROOT}/scripts/test-film`, { cwd: ROOT });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Gives a page the file that it asks for. */
async function choose(guest: Guest, button: string, file: string): Promise<void> {
  const [chooser] = await Promise.all([guest.page.waitForEvent('filechooser'), guest.button(button).first().click()]);
  await chooser.setFiles(file);
}

it('a room studies by one clock, and whoever comes late sees the same time', async () => {
  const room = await the.server.createRoom({ title: 'Library', settings: { timer: PLAN } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  await ada.page.keyboard.press('t');
  await ada.button('Start focus').click();
  await expect.poll(() => heard(bob), SOON).toContain('Focus begins');
  await expect.poll(() => left(bob), SOON).toBeLessThan(25 * 60);

  const cyd = await the.comeIn(room.join, { name: 'Cyd', ...SILENT });
  await expect.poll(() => left(cyd), SOON).not.toBeNull();
  await ada.button('Pause').click();
  await expect.poll(() => heard(cyd), SOON).toContain('Focus is paused');
  // It stands now: three windows say the same.
  await expect.poll(async () => new Set(await Promise.all([ada, bob, cyd].map(left))).size, SOON).toBe(1);

  await ada.button('Set a goal').click();
  await ada.page.getByLabel('What does the room want to reach?').fill('Chapter four');
  await ada.button('Save').click();
  await bob.button(/Open the study clock/).click();
  await side(bob).getByText('Chapter four').waitFor();
  await bob.page.getByLabel('What I focus on').fill('Standing waves');
  await bob.page.getByLabel('New goal').fill('Exercise 4.1');
  await bob.page.getByLabel('New goal').press('Enter');
  await bob.page.getByRole('checkbox', { name: 'Exercise 4.1' }).check();
  await bob.page.getByRole('switch', { name: 'Show these to the room' }).check();
  await side(ada).getByText('Standing waves').waitFor();
  await ada.page.getByText('1 of 1 goal done').waitFor();
  const found = [...(await violations(ada.page, 'study, host')), ...(await violations(bob.page, 'study, participant'))];

  await ada.button('Durations …').click();
  await ada.page.getByLabel('Focus, minutes').fill('50');
  await ada.page.getByRole('switch', { name: 'Focus mutes everybody but the hosts' }).check();
  found.push(...(await violations(ada.page, 'durations')));
  await ada.button('Use these').click();
  await ada.button('Start a break').click();
  await expect.poll(() => heard(bob), SOON).toContain('Short break begins');
  await ada.button('Skip the break').click();
  await expect.poll(() => left(bob), SOON).toBeGreaterThan(25 * 60);
  await bob.button('Unmute. The room focuses. Microphones are off until the break.').waitFor();
  expect(found).toEqual([]);
});

/** Tones of the gong, the lowest first, and one that it does not have. */
const GONG_HZ = [196, 394, 541, 1_500];
/** Louder than this is heard, in dB below full scale. */
const HEARD_DB = -60;
/** What a picture of quiet company may be, and what comes around it on its way: three fragments. */
const QUIET_BYTES_MAX = 3_396;
const QUIET_EVERY_MS = 8_000;
const A_CLASS = 25;

it(
  'a quiet library: small pictures now and then, a break that begins by itself with a gong, and another host',
  async () => {
    const plan = { ...PLAN, focus_minutes: 1, focus_mutes: true };
    const room = await the.server.createRoom({ title: 'Quiet library', settings: { timer: plan, quiet_company: true } });
    const come = async (link: string, name: string, camera: boolean): Promise<Guest> => {
      const guest = await the.open({ name, microphone: false, camera });
      await listenForRings(guest.page);
      await countPictures(guest.page);
      await guest.join(link);
      return guest;
    };
    const ada = await come(room.host, 'Ada', false);
    const bob = await come(room.join, 'Bob', true);
    const cyd = await come(room.join, 'Cyd', true);
    await ada.page.keyboard.press('t');
    await ada.button('Start focus').click();
    await expect.poll(() => left(bob), SOON).toBeLessThan(60);
    // One who is to have no gong.
    await cyd.button('More').click();
    await cyd.page.getByRole('menuitem', { name: 'Settings', exact: true }).click();
    await cyd.page.getByRole('switch', { name: 'A soft gong when focus or a break begins' }).uncheck();
    await cyd.page.keyboard.press('Escape');

    // Two cameras for long enough that each has shown two pictures, and no more than three.
    const watched = 2 * QUIET_EVERY_MS + 1_000;
    await expect.poll(async () => (await picturesSince(ada.page, 1_000_000)).length, SOON).toBeGreaterThan(0);
    await ada.page.waitForTimeout(watched);
    const pictures = await picturesSince(ada.page, watched);
    expect(pictures.length).toBeGreaterThanOrEqual(3);
    expect(pictures.length).toBeLessThanOrEqual(6);
    for (const picture of pictures) {
      expect(picture).toMatchObject({ width: expect.any(Number) as number, height: 90 });
      expect(picture.width).toBeLessThanOrEqual(160);
      expect(picture.bytes).toBeLessThanOrEqual(QUIET_BYTES_MAX);
    }
    const mean = pictures.reduce((sum, { bytes }) => sum + bytes, 0) / pictures.length;
    const kbps = ((A_CLASS - 1) * mean * 8) / QUIET_EVERY_MS;
    console.log(`quiet company of ${A_CLASS}: ${kbps.toFixed(1)} kbit/s of pictures each, one of ${mean.toFixed(0)} bytes`);
    expect(kbps).toBeLessThan(100);

    // The host goes; the clock goes on, and somebody else steers it.
    const heardGong = rings(bob.page, GONG_HZ, HEARD_DB, 3 * DEADLINE_MS);
    const sounds = () => cyd.page.evaluate(() => window.conclaveRung.length);
    const before = await sounds();
    await ada.leave();
    await expect.poll(() => heard(bob), SOON).toContain('You are host now');
    await expect.poll(() => heard(bob), { timeout: 3 * DEADLINE_MS }).toContain('Short break begins');
    expect(await bob.page.title()).toMatch(/^\d:\d\d Short break · Quiet library/);
    const [lowest = -200, second = -200, third = -200, other = -200] = await heardGong;
    for (const tone of [lowest, second, third]) expect(tone).toBeGreaterThan(HEARD_DB);
    expect(other).toBeLessThan(lowest - 25);
    console.log(`the gong: ${[lowest, second, third, other].map((db) => db.toFixed(0)).join(', ')} dB at ${GONG_HZ.join(', ')} Hz`);
    await expect.poll(() => heard(cyd), SOON).toContain('Short break begins');
    expect(await sounds()).toBe(before);
    await bob.button(/Open the study clock/).click();
    await bob.button('Reset').click();
    await expect.poll(() => heard(cyd), SOON).toContain('The clock is reset');
  },
  300_000,
);

it('a room watches one film, each their own copy, and it never crosses the network', async () => {
  const film = await testFilm();
  const room = await the.server.createRoom({ title: 'Cinema', settings: { film: true } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  /** Bytes that left the page of a guest. */
  let sent = 0;
  for (const { page } of [ada, bob]) {
    page.on('request', (request) => (sent += request.postDataBuffer()?.byteLength ?? 0));
  }
  const at = (guest: Guest) => guest.page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime);

  await ada.page.keyboard.press('w');
  await choose(ada, 'Open a film', film);
  await expect.poll(() => heard(bob), SOON).toContain('The room watches');
  await bob.page.keyboard.press('w');
  await choose(bob, 'Open my copy', film);
  await bob.page.getByText('The very same film.').waitFor();
  await expect.poll(() => ada.page.locator('.mark.ready').count(), SOON).toBe(2);

  await ada.button('Play for everybody').click();
  await expect.poll(() => at(bob), SOON).toBeGreaterThan(1);
  await bob.button('Pause for everybody').click();
  await expect.poll(async () => Math.abs((await at(ada)) - (await at(bob))), SOON).toBeLessThan(0.05);
  await ada.button('10 seconds forth').click();
  await expect.poll(() => at(bob), SOON).toBeGreaterThan(10);
  const found = [...(await violations(ada.page, 'film, host')), ...(await violations(bob.page, 'film, participant'))];
  await ada.button('Stop the film for everybody').click();
  await bob.page.getByText('No film is open').waitFor();
  expect(found).toEqual([]);
  expect(sent).toBeLessThan(10_000);
});

it('another cut is named as such, and a strict room lets in only who has the film', async () => {
  const film = await testFilm();
  const folder = await mkdtemp(join(tmpdir(), 'conclave-film-'));
  const other = join(folder, 'another-cut.mp4');
  await copyFile(film, other);
  await appendFile(other, 'longer by this');
  const room = await the.server.createRoom({ title: 'Strict', settings: { film: true, film_strict: true } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  await ada.page.keyboard.press('w');
  await choose(ada, 'Open a film', film);
  await side(ada).getByText('The very same film.').waitFor();

  const bob = await the.open({ name: 'Bob', ...SILENT });
  await bob.page.goto(room.join);
  await bob.page.getByLabel('Your name').fill('Bob');
  await bob.page.getByText('This room lets in only who has its film').waitFor();
  const found = await violations(bob.page, 'before a strict door');
  await bob.button('Join').click();
  await bob.page.getByRole('alert').waitFor();
  await choose(bob, 'Choose my copy', film);
  await bob.page.getByText('It is read through. You can join.').waitFor();
  await bob.button('Join').click();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();

  await bob.page.keyboard.press('w');
  await choose(bob, 'Open my copy', film);
  await side(bob).getByText('The very same film.').waitFor();
  await choose(bob, 'Choose another file', other);
  await side(bob).getByText(/another copy or cut/).waitFor();
  await side(ada).getByText('another file').waitFor();
  found.push(...(await violations(bob.page, 'another cut')));
  await choose(bob, 'Choose another file', film);
  await side(bob).getByText('The very same film.').waitFor();
  await rm(folder, { recursive: true, force: true });
  expect(found).toEqual([]);
});
