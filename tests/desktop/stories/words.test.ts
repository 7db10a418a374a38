/** The window opens, joins, and words go both ways. */

import { expect, it } from 'vitest';
import { story } from '../src/story';
import { until } from '../src/machine';

const the = story();

it('a pasted link leads into the room, and what is said is read on both sides', async () => {
  const room = await the.room('Words');
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.waitFor('People (2)');
  for (const [from, to, words] of [
    [ada, bob, 'Hello from the desktop'],
    [bob, ada, 'And back again'],
  ] as const) {
    if (!(await from.window.has('Send'))) await from.window.press(/^Chat/);
    await from.window.type('Write to everybody', words);
    await from.window.press('Send');
    if (!(await to.window.has('Send'))) await to.window.press(/^Chat/);
    await to.window.reads(words);
  }

  // DOM says nothing of what is drawn: a window that stays white has one colour.
  const colours = async (): Promise<number> => {
    const pixels = await ada.machine.pixels();
    const seen = new Set<number>();
    for (let at = 0; at + 2 < pixels.length; at += 3 * 101) {
      seen.add(((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0));
    }
    return seen.size;
  };
  await until('picture in the window', async () => (await colours()) > 20);

  await bob.window.press(/^Leave/u);
  await bob.window.reads('Leave the meeting?');
  await bob.window.press('Leave');
  await ada.window.waitFor('People (1)');
  const { recent } = (await bob.machine.remembered()) as { recent: { title: string }[] };
  expect(recent.map(({ title }) => title)).toEqual(['Words']);
});
