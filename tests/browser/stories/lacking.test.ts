/** Browsers that lack something, and words that are more than anybody expects. */

import { expect, it } from 'vitest';
import { sees } from '../src/eyes';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

async function lack(guest: Guest, ...names: string[]): Promise<void> {
  await guest.page.addInitScript((names) => {
    for (const name of names) Reflect.deleteProperty(window, name);
  }, names);
}

async function write(guest: Guest, words: string): Promise<void> {
  await guest.page.getByLabel('Write to everybody').fill(words);
  await guest.page.getByLabel('Write to everybody').press('Enter');
}

const read = (guest: Guest): Promise<string> => guest.page.getByRole('region', { name: 'Messages' }).innerText();

it('a browser without WebRTC is told what it lacks, joins, and reads and writes', async () => {
  const room = await the.server.createRoom({ title: 'Letters' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.open({ name: 'Bob', ...SILENT });
  await lack(bob, 'RTCPeerConnection', 'webkitRTCPeerConnection');
  await bob.page.goto(room.join);
  await bob.page.getByText('What this browser cannot do').click();
  await bob.page.getByText(/read, write, pass files and see a shared screen, but not talk/).waitFor();
  await bob.page.getByLabel('Your name').fill('Bob');
  await bob.button('Join').click();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  for (const guest of [ada, bob]) await guest.button(/^Chat/).click();
  await write(bob, 'letters are enough');
  await expect.poll(() => read(ada)).toContain('letters are enough');
});

it('a browser without WebCodecs shows its camera and sees others', async () => {
  const room = await the.server.createRoom({ title: 'Older' });
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: false });
  const bob = await the.open({ name: 'Bob', microphone: false });
  await lack(bob, 'VideoDecoder', 'VideoFrame', 'MediaStreamTrackProcessor');
  await bob.join(room.join);
  await sees(ada.page, 'Bob', 3);
  await sees(bob.page, 'Ada', 3);
});

it('a browser without what no meeting can do without is told so', async () => {
  const ada = await the.open({ name: 'Ada', ...SILENT });
  await lack(ada, 'AbortController');
  await ada.page.goto(the.server.links.join);
  await ada.page.getByRole('heading', { name: 'This browser is too old' }).waitFor();
  await ada.page.getByText(/AbortController/).waitFor();
  ada.expectComplaints(/AbortController/);
});

it('names from right to left and 10,000 characters of anything are text, or refused in words', async () => {
  const room = await the.server.createRoom({ title: 'Letters of all kinds' });
  const name = '‏עומר "><script>alert(1)</script> ‎👩‍👩‍👧';
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.open({ name, ...SILENT });
  await bob.page.goto(room.join);
  await bob.page.getByLabel('Your name').fill('x'.repeat(10_000));
  await bob.button('Join').click();
  await bob.page.getByText(/100 characters/).first().waitFor();
  await bob.join(room.join);
  for (const guest of [ada, bob]) await guest.button(/^Chat/).click();

  // What turns the direction of a whole line around is taken out.
  await write(bob, '\u202e<img src=x> '.repeat(200));
  await expect.poll(() => read(ada)).toContain('<img src=x> <img src=x> <img src=x>');
  await write(bob, 'y'.repeat(10_000));
  await bob.page.getByRole('alert').first().waitFor();
  expect(await read(ada)).not.toContain('yyy');
  const wide = await ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBe(0);
});
