/** Voice, cameras and screens between two windows. */

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { picturesOf, screenOf } from '../src/eyes';
import { SCREEN, until } from '../src/machine';
import { feed, likeness, loudnessDb, record, speak } from '../src/sound';
import { story } from '../src/story';

const the = story();
const PICTURE = fileURLToPath(new URL('../../../docs/pictures/desktop-meeting.png', import.meta.url));

it('speech into one microphone comes out of the other speaker, and not of its own', async () => {
  const room = await the.room('Voices');
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.waitFor('Mute');
  const words = 'The quick brown fox jumps over the lazy dog. Seven silver swans swam silently seaward.';
  const { path, samples } = await speak(ada.machine, words);
  // What is before the first word wakes everything up.
  await feed(ada.machine, path);
  const [hears, hearsBack] = [record(bob.machine), record(ada.machine)];
  await feed(ada.machine, path);
  await new Promise((later) => setTimeout(later, 1_200));
  const [heard, heardBack] = [await hears(), await hearsBack()];
  const like = likeness(samples, heard);
  console.log(`correlation ${like.correlation.toFixed(2)}, ${like.delayMs} ms after the recording began`);
  expect(like.correlation).toBeGreaterThan(0.7);
  expect(like.delayMs).toBeLessThan(1_500);
  expect(loudnessDb(heard)).toBeGreaterThan(-45);
  expect(loudnessDb(heardBack)).toBeLessThan(-70);
});

it('a camera is seen moving by the other and by its own person', async () => {
  const room = await the.room('Faces');
  const ada = await the.comeIn(room.host, { name: 'Ada', camera: true });
  const bob = await the.comeIn(room.join, { name: 'Bob', camera: true });
  expect(await picturesOf(bob.window, 'Ada', 8, 30_000)).toBe(8);
  expect(await picturesOf(ada.window, 'Bob', 8, 30_000)).toBe(8);
  expect(await picturesOf(ada.window, '(you)', 8, 30_000)).toBe(8);
  await ada.window.press(/^Chat/u);
  await bob.window.press(/^Chat/u);
  await bob.window.type('Write to everybody', 'Both test pictures run on their own machines');
  await bob.window.press('Send');
  await ada.window.reads('on their own machines');
  // The picture in the README is of this meeting.
  if (process.env['CONCLAVE_WRITE'] === '1') await ada.machine.screenshot(PICTURE);
});

it('a display is shown, and what stands on it is exact at the other side', async () => {
  const room = await the.room('Slides');
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.press('Share a screen');
  await ada.window.press(/^Display 1/u);
  await ada.window.reads('Your screen is being shared');
  const shown = (): Promise<string | null> => screenOf(bob.window, SCREEN.width, SCREEN.height);
  await until('shared screen', async () => (await shown()) !== null, 30_000);
  const exact = async (): Promise<boolean> => {
    const before = Buffer.from(await ada.machine.pixels()).toString('base64');
    const seen = await shown();
    const after = Buffer.from(await ada.machine.pixels()).toString('base64');
    return before === after && seen === before;
  };
  await until('exact picture', exact, 60_000);
});
