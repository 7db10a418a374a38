/** Chat, a lost link, a reload, a restarted server, and being taken out. */

import { expect, it } from 'vitest';
import { hears } from '../src/ears';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

async function say(guest: Guest, words: string): Promise<void> {
  await guest.page.getByLabel('Write to everybody').fill(words);
  await guest.page.getByLabel('Write to everybody').press('Enter');
}

async function openChat(...guests: Guest[]): Promise<void> {
  for (const guest of guests) await guest.button(/^Chat/).click();
}

function lines(guest: Guest): Promise<string> {
  return guest.page.getByRole('region', { name: 'Messages' }).innerText();
}

it('what is written is read by the other, as text whatever it is', async () => {
  const room = await the.server.createRoom({ title: 'Words' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: '<b>Bob</b> عمر', ...SILENT });
  await openChat(ada, bob);
  const odd = `<img src=x onerror="document.title='gone'"> שלום 👩‍👩‍👧 & *so*`;
  await say(ada, 'Good morning');
  await say(bob, odd);
  await expect.poll(() => lines(bob)).toContain('Good morning');
  await expect.poll(() => lines(ada)).toContain(`<img src=x onerror="document.title='gone'"> שלום 👩‍👩‍👧 & so`);
  await expect.poll(() => lines(ada)).toContain('<b>Bob</b> عمر');
  expect(await ada.page.title()).toContain('Words');
});

it('a link that is lost comes back by itself with everything that happened meanwhile', async () => {
  const room = await the.server.createRoom({ title: 'Cable' });
  const cable = await the.cable();
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440, camera: false });
  const bob = await the.comeIn(cable.through(room.join), { name: 'Bob', camera: false, microphone: false });
  await openChat(ada, bob);
  cable.pull();
  await bob.page.getByText('The link is lost. Your place is kept.').waitFor();
  await say(bob, 'written without a link');
  await say(ada, 'while you were away');
  cable.plugIn();
  await expect.poll(() => lines(bob), { timeout: 30_000 }).toContain('while you were away');
  await expect.poll(() => lines(ada), { timeout: 30_000 }).toContain('written without a link');
  await bob.page.getByText('The link is lost. Your place is kept.').waitFor({ state: 'hidden' });
  // Once each, however often it was sent.
  expect((await lines(ada)).split('written without a link')).toHaveLength(2);
  await hears(bob.page, 440, [1_000]);
  bob.expectComplaints(/WebSocket|ERR_/);
});

it('a page that is loaded again is the same person in the same meeting', async () => {
  const room = await the.server.createRoom({ title: 'Again' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  await openChat(bob);
  await say(bob, 'before');
  await bob.page.reload();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  await openChat(bob);
  await expect.poll(() => lines(bob)).toContain('before');
  await say(bob, 'after');
  await expect.poll(() => lines(bob)).toContain('after');
  await ada.button('People (2)').waitFor();
});

it('a server that dies and comes back brings everybody back, and the sound', async () => {
  const room = await the.server.createRoom({ title: 'Power cut' });
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440, camera: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', camera: false, microphone: false });
  await openChat(ada, bob);
  await say(ada, 'before the cut');
  await expect.poll(() => lines(bob)).toContain('before the cut');
  await the.server.kill();
  await bob.page.getByText('The link is lost. Your place is kept.').waitFor();
  await the.server.startAgain();
  await bob.page.getByText('The link is lost. Your place is kept.').waitFor({ state: 'hidden' });
  await say(bob, 'after the cut');
  await expect.poll(() => lines(ada), { timeout: 30_000 }).toContain('after the cut');
  expect(await lines(ada)).toContain('before the cut');
  await hears(bob.page, 440, [1_000], 60_000);
  for (const guest of [ada, bob]) guest.expectComplaints(/WebSocket|ERR_/);
});

it('whoever is taken out sees why, and that it was a host', async () => {
  const room = await the.server.createRoom({ title: 'Door' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  await ada.button('People (2)').click();
  await ada.button('What you can do with Bob').click();
  await ada.page.getByRole('menuitem', { name: 'Take out' }).click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Reason (optional)').fill('The exam begins.');
  await dialog.getByRole('button', { name: 'Take out' }).click();
  await bob.page.getByRole('heading', { name: 'You were taken out' }).waitFor();
  await bob.page.getByText('The exam begins.').waitFor();
  await ada.button('People (1)').waitFor();
});

it('whoever leaves is gone at once, and may come back', async () => {
  const room = await the.server.createRoom({ title: 'Exit' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  await ada.button('People (2)').waitFor();
  await bob.button('Leave').click();
  await bob.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
  await bob.page.getByRole('heading', { name: 'You have left' }).waitFor();
  await ada.button('People (1)').waitFor();
  await bob.button('Join again').click();
  await bob.button('Join').click();
  await ada.button('People (2)').waitFor();
});
