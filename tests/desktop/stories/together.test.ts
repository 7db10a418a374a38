/** The desktop program and a browser in one room, and what tells who cannot see. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { expect, it } from 'vitest';
import { hears } from '../../browser/src/ears';
import { sees } from '../../browser/src/eyes';
import { writeTone } from '../../browser/src/tone';
import type { Desk } from '../src/desk';
import { picturesOf } from '../src/eyes';
import { until } from '../src/machine';
import { feed } from '../src/sound';
import { story } from '../src/story';

const the = story();
const PICTURE = fileURLToPath(new URL('../../../docs/pictures/desktop-meeting.png', import.meta.url));

it('a desktop and a browser hear and see each other', async () => {
  const room = await the.room('Tuesday seminar');
  // A tone that stays is noise to whoever cleans speech.
  const enhancement = { echo: 'off', noise: 'off', levelling: 'off' };
  const camera = { choose: 'device', id: 'test-picture', name: 'Test picture' };
  const settings = { devices: { camera, enhancement } };
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true, camera: true, settings });
  const bob = await the.guest(room.join, { name: 'Bob', hertz: 440, portrait: 1 });
  await ada.window.waitFor('People (2)');
  await sees(bob.page, 'Ada');
  expect(await picturesOf(ada.window, 'Bob', 5, 30_000)).toBe(5);
  const tone = join(ada.machine.home, 'tone.wav');
  await writeTone(tone, 1_000);
  let over = false;
  const feeding = (async () => {
    while (!over) await feed(ada.machine, tone);
  })();
  try {
    await hears(bob.page, 1_000, [440]);
  } finally {
    over = true;
    await feeding;
  }
  if (process.env['CONCLAVE_WRITE'] === '1') await takePicture(ada, room.join);
});

/** The picture in the README is of this meeting, with one more in it. */
async function takePicture(ada: Desk, link: string): Promise<void> {
  await the.guest(link, { name: 'Cleo', portrait: 2, microphone: false });
  expect(await picturesOf(ada.window, 'Cleo', 5, 30_000)).toBe(5);
  await ada.window.press(/^Chat/u);
  await ada.window.type('Write to everybody', 'The slides are under Files. Shall we begin?');
  await ada.window.press('Send');
  await ada.window.reads('Shall we begin?');
  await ada.machine.screenshot(PICTURE);
}

interface Finding {
  id: string;
  nodes: { html: string }[];
}

it('nothing in the window is out of reach for those who cannot see or point', async () => {
  const room = await the.room('Accessible');
  const ada = await the.open({ name: 'Ada' });
  const check = async (screen: string): Promise<void> => {
    await ada.window.inject(axe.source);
    const found = await ada.window.run(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    });
    expect(found, screen).toEqual([]);
  };
  await until('first page', () => ada.window.has('Join'));
  await check('first page');
  await ada.window.type('Link or code', room.host);
  await ada.window.press('Join');
  await ada.window.waitFor(/^Switch (?:on|off) the microphone$/u);
  await check('before the door');
  await ada.enter();
  await check('meeting');
  await ada.window.press(/^More/u);
  await ada.window.press('Settings');
  await ada.window.reads('This program');
  await check('settings');
});
