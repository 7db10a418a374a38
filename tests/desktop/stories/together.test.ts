/** The desktop program and a browser in one room, and what tells who cannot see. */

import axe from 'axe-core';
import { expect, it } from 'vitest';
import { hears } from '../../browser/src/ears';
import { sees } from '../../browser/src/eyes';
import { picturesOf } from '../src/eyes';
import { until } from '../src/machine';
import { feed } from '../src/sound';
import { story } from '../src/story';
import { writeTone } from '../../browser/src/tone';
import { join } from 'node:path';

const the = story();

it('a desktop and a browser hear and see each other', async () => {
  const room = await the.room('Both worlds');
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true, camera: true });
  const bob = await the.guest(room.join, { name: 'Bob', hertz: 440 });
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
});

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
  await ada.window.press(/^Settings/u).catch(() => undefined);
  await check('settings');
});
