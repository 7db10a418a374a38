/** Doors that do not open: each says why, in words that everybody can read, and what to do. */

import { expect, it } from 'vitest';
import { violations } from '../src/axe';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

/** Gives the name wherever it is asked for, until this is there. */
async function goOnTo(guest: Guest, place: ReturnType<Guest['page']['getByRole']>): Promise<void> {
  const name = guest.page.getByLabel('Your name');
  await name.or(place).first().waitFor();
  if (await name.isVisible()) {
    await name.fill('Bob');
    await guest.button('Join').click();
  }
  await place.waitFor();
}

async function isTold(guest: Guest, link: string, heading: string): Promise<void> {
  await guest.page.goto('about:blank');
  await guest.page.goto(link);
  await goOnTo(guest, guest.page.getByRole('heading', { name: heading }));
}

async function turnLock(host: Guest): Promise<void> {
  await host.button('More').click();
  await host.page.getByRole('menuitemcheckbox', { name: 'Lock the room' }).click();
}

const isIn = (guest: Guest): Promise<void> => goOnTo(guest, guest.page.getByRole('region', { name: 'Meeting controls' }));

it('a full room, a locked room and a stale link each have a screen, and a way on', async () => {
  const full = await the.server.createRoom({ title: 'Full', settings: { members_max: 1 } });
  const locked = await the.server.createRoom({ title: 'Locked' });
  const ada = await the.comeIn(full.host, { name: 'Ada', ...SILENT });
  const bob = await the.open({ name: 'Bob', ...SILENT });
  const found: string[] = [];

  await isTold(bob, full.join, 'The room is full');
  found.push(...(await violations(bob.page, 'full')));
  await ada.leave();
  await bob.button('Try again').click();
  await isIn(bob);

  await ada.join(locked.host);
  await turnLock(ada);
  await isTold(bob, locked.join, 'The room is locked');
  found.push(...(await violations(bob.page, 'locked')));
  await turnLock(ada);
  await bob.button('Try again').click();
  await isIn(bob);
  await bob.leave();

  await isTold(bob, `${locked.join}#h=${'A'.repeat(43)}`, 'This link is stale');
  found.push(...(await violations(bob.page, 'stale')));
  await bob.button('Join without being host').click();
  await isIn(bob);
  // The room says that it has no such key, which browsers write down.
  for (const guest of [ada, bob]) guest.expectComplaints(/40[0-9]|423|409/);
  expect(found).toEqual([]);
});

it('the page on how to trust the server has both ways, and the certificate to fetch', async () => {
  const ada = await the.open({ name: 'Ada', ...SILENT });
  await ada.page.goto(`${the.server.origin}/trust`);
  await ada.page.getByRole('heading', { level: 1 }).waitFor();
  expect(await violations(ada.page, 'trust')).toEqual([]);
  const download = ada.page.waitForEvent('download');
  await ada.page.locator('a[href$="authority.crt"]').first().click();
  expect((await download).suggestedFilename()).toMatch(/\.crt$/);
  // It has no icon, which browsers ask for and write down.
  ada.expectComplaints(/404/);
});
