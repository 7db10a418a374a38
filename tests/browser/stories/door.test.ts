/** The door: waiting to be let in, being turned away, giving up, passwords and locks. */

import { it } from 'vitest';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

/** Asks to come in without waiting for it. */
async function knock(link: string, name: string): Promise<Guest> {
  const guest = await the.open({ name, ...SILENT });
  await guest.page.goto(link);
  await guest.page.getByLabel('Your name').fill(name);
  await guest.button('Join').click();
  return guest;
}

it('whoever waits is let in, turned away, or gives up', async () => {
  const room = await the.server.createRoom({ title: 'Surgery', settings: { waiting_room: true } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await knock(room.join, 'Bob');
  await bob.page.getByText('The host will let you in').waitFor();
  await ada.button(/^People/).click();
  await ada.button('Let in Bob').click();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();

  const cyd = await knock(room.join, 'Cyd');
  await cyd.page.getByText('The host will let you in').waitFor();
  await ada.button('Turn away Cyd').click();
  await ada.page.getByLabel('Reason (optional)').fill('Full for today');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Turn away' }).click();
  await cyd.page.getByRole('heading', { name: 'You were not let in' }).waitFor();

  const dan = await knock(room.join, 'Dan');
  await dan.page.getByText('The host will let you in').waitFor();
  await ada.button('Let in Dan').waitFor();
  await dan.button('Stop waiting').click();
  await dan.page.getByLabel('Your name').waitFor();
});

it('a room with a password lets in who knows it', async () => {
  const room = await the.server.createRoom({ title: 'Secret', password: 'correct horse' });
  const bob = await the.open({ name: 'Bob', ...SILENT });
  await bob.page.goto(room.join);
  await bob.page.getByLabel('Your name').fill('Bob');
  await bob.page.getByLabel('Password of the room').fill('wrong horse');
  await bob.button('Join').click();
  await bob.page.getByText('The password is wrong. Try again.').waitFor();
  await bob.page.getByLabel('Password of the room').fill('correct horse');
  await bob.button('Join').click();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
});
