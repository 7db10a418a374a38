/** Two people: how old cameras and a shared screen are when they are shown. */

import { expect, it } from 'vitest';
import { filmTheTime, readTheTime, shownIn } from '../src/clock';
import { story } from '../src/story';
import { Measured, QUICK } from './figures';

const MS = QUICK ? 4_000 : 20_000;
const SETTLE_MS = QUICK ? 1_000 : 5_000;
const WHY = 'two browsers encode, decode and paint in software on the same two cores';

const the = story();

it('cameras and a screen between two people', async () => {
  const room = await the.server.createRoom({ title: 'Pictures' });
  const ada = await the.open({ name: 'Ada', hertz: 440 });
  await filmTheTime(ada.page, 15);
  await ada.join(room.host);
  const bob = await the.open({ name: 'Bob', hertz: 1_000 });
  await filmTheTime(bob.page, 15);
  await readTheTime(bob.page);
  await bob.join(room.join);
  await expect.poll(async () => (await shownIn(bob.page, 500)).length, { timeout: 30_000 }).toBeGreaterThan(0);
  await bob.page.waitForTimeout(SETTLE_MS);

  const measured = new Measured();
  const cameras = await shownIn(bob.page, MS);
  const p95 = measured.times('camera, captured to shown, two people who both talk', cameras.map((one) => one.latencyMs));
  measured.row('its pictures a second', (cameras.length / (MS / 1_000)).toFixed(1));
  measured.row('its height', `${cameras.at(-1)?.heightPx ?? 0} pixels`);
  measured.atMost('Page: camera, captured to shown, two people: p95', 150, p95, 'ms', WHY);

  await ada.button('Share a screen').click();
  const screens = async (ms: number): Promise<number[]> =>
    (await shownIn(bob.page, ms)).filter(({ of }) => of === 'screen').map((one) => one.latencyMs);
  await expect.poll(async () => (await screens(500)).length, { timeout: 30_000 }).toBeGreaterThan(0);
  await bob.page.waitForTimeout(SETTLE_MS);
  const shown = await screens(MS);
  const screenP95 = measured.times('screen of 1,280 by 720 pixels of which a strip changes 15 times a second, captured to shown, cameras and voices beside it', shown);
  measured.row('its changes shown a second', (shown.length / (MS / 1_000)).toFixed(1));
  measured.atMost('Page: screen, captured to shown, two people: p95', 150, screenP95, 'ms', WHY);
  await measured.write('2-pictures');
});
