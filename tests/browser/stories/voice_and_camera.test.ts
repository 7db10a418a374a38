/** Guests hear and see each other. */

import { expect, it } from 'vitest';
import { hears, loudnessOf } from '../src/ears';
import { sees } from '../src/eyes';
import { story } from '../src/story';

const the = story();

it('two guests hear each other, and not themselves', async () => {
  const room = await the.server.createRoom({ title: 'Voices' });
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440, camera: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', hertz: 1_000, camera: false });
  await hears(ada.page, 1_000, [440]);
  await hears(bob.page, 440, [1_000]);

  await ada.button('Mute').click();
  await ada.button('Unmute').waitFor();
  // What was on its way is still played for a moment.
  await expect.poll(async () => (await loudnessOf(bob.page, [440], 600))[0], { timeout: 20_000 }).toBeLessThan(-70);
  await ada.button('Unmute').click();
  await hears(bob.page, 440, [1_000]);
});

it('three guests hear both others', async () => {
  const room = await the.server.createRoom({ title: 'Chords' });
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440, camera: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', hertz: 1_000, camera: false });
  const cyd = await the.comeIn(room.join, { name: 'Cyd', hertz: 1_700, camera: false });
  for (const [guest, tones, own] of [
    [ada, [1_000, 1_700], 440],
    [bob, [440, 1_700], 1_000],
    [cyd, [440, 1_000], 1_700],
  ] as const) {
    for (const tone of tones) await hears(guest.page, tone, [own]);
  }
});

it('two guests see each other, and each themselves', async () => {
  const room = await the.server.createRoom({ title: 'Faces' });
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', microphone: false });
  await sees(ada.page, 'Bob');
  await sees(bob.page, 'Ada');
  await sees(ada.page, 'Ada (you)');

  await bob.button('Switch off the camera').click();
  await ada.page.locator('li[data-person]', { hasText: 'Bob' }).locator('canvas').waitFor({ state: 'detached' });
  await bob.button('Switch on the camera').click();
  await sees(ada.page, 'Bob');
});
