/** Voice, cameras and screens between two windows. */

import { expect, it } from 'vitest';
import { differing, picturesOf, screenOf } from '../src/eyes';
import { SCREEN, until } from '../src/machine';
import { ALIKE, loudnessDb, pass } from '../src/sound';
import { story } from '../src/story';

const the = story();
/** No pointer is larger than twice this. */
const POINTER_PX = 24;

it('speech into one microphone comes out of the other speaker, and not of its own', async () => {
  const room = await the.room('Voices');
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.waitFor('Mute');
  const words = 'The quick brown fox jumps over the lazy dog. Seven silver swans swam silently seaward.';
  const { like, delayMs, heard, heardBack } = await pass(words, ada.machine, bob.machine);
  expect(like).toBeGreaterThan(ALIKE);
  // It cannot be there before it was said; how late it may be is measured elsewhere, on a machine that does nothing else.
  expect(delayMs).toBeGreaterThan(-50);
  expect(delayMs).toBeLessThan(3_000);
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
  // The pointer is drawn for the others, and stands on no picture of the display.
  const [x, y] = [300, 400];
  await ada.machine.run('xdotool', 'mousemove', String(x), String(y));
  const pointer = { x: x - POINTER_PX, y: y - POINTER_PX, size: 2 * POINTER_PX };
  const exact = async (): Promise<boolean> => {
    const before = await ada.machine.pixels();
    const seen = Buffer.from((await shown()) ?? '', 'base64');
    const after = await ada.machine.pixels();
    const [outside, inside] = differing(before, seen, SCREEN.width, pointer);
    return outside === 0 && inside > 0 && Buffer.compare(before, after) === 0;
  };
  await until('exact picture', exact, 60_000);
});
