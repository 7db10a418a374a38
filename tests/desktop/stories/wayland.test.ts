/** A desktop of today: Wayland, and no X. */

import { expect, it } from 'vitest';
import { picturesOf } from '../src/eyes';
import { story } from '../src/story';

const the = story();

it('on Wayland one meets all the same, and is told why a screen cannot be shared and what helps', async () => {
  const room = await the.room('Wayland');
  const ada = await the.comeIn(room.host, { name: 'Ada', wayland: true, camera: true });
  await the.guest(room.join, { name: 'Bob' });
  await ada.window.waitFor('People (2)');
  expect(await picturesOf(ada.window, '(you)', 8, 30_000)).toBe(8);
  await ada.window.press('Share a screen');
  await ada.window.reads('This desktop runs on Wayland');
  await ada.window.reads('join this room with a browser');
});
