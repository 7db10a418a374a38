/** Hosts at work: the door, roles, the floor, bans, settings, templates, the end. */

import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { violations } from '../src/axe';
import { DEADLINE_MS, type Guest } from '../src/guest';
import { picture } from '../src/pictures';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;
/** Only ends a story that would fail anyway. */
const SOON = { timeout: DEADLINE_MS };

/** Asks to come in without waiting for it. */
async function knock(link: string, name: string): Promise<Guest> {
  const guest = await the.open({ name, ...SILENT });
  await guest.page.goto(link);
  await guest.page.getByLabel('Your name').fill(name);
  await guest.button('Join').click();
  await guest.page.getByText('The host will let you in').waitFor();
  return guest;
}

const inside = (guest: Guest) => guest.page.getByRole('region', { name: 'Meeting controls' }).waitFor();

async function withPerson(host: Guest, name: string, deed: string | RegExp): Promise<void> {
  await host.button(`What you can do with ${name}`).click();
  await host.page.getByRole('menuitem', { name: deed }).click();
}

async function more(host: Guest, line: string): Promise<void> {
  await host.button(/^More(,|$)/).click();
  await host.page.getByRole('menuitem', { name: line }).click();
}

it('a lecture has a presenter, a co-host, listeners who wait at the door, and silence when it is wanted', async () => {
  const settings = { waiting_room: true, questions: { open: true } };
  const room = await the.server.createRoom({ title: 'Lecture', settings });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await knock(room.join, 'Bob');
  const cyd = await knock(room.join, 'Cyd');
  const dan = await knock(room.join, 'Dan');
  await dan.page.getByText('2 people are before you.').waitFor();

  await ada.button('People (1), 3 at the door').click();
  const found = await violations(ada.page, 'people at the door');
  await ada.button('Let in Bob').click();
  await inside(bob);
  await dan.page.getByText('1 person is before you.').waitFor();
  await withPerson(ada, 'Bob', 'Make presenter');
  await ada.button('Let in Cyd').click();
  await inside(cyd);
  await withPerson(ada, 'Cyd', 'Make co-host');

  // The co-host keeps the door now, and turns nobody away without a word.
  await cyd.button('People (3), 1 at the door').click();
  await cyd.button('Turn away Dan').click();
  await cyd.page.getByLabel('Reason (optional)').fill('The room is for group 3.');
  found.push(...(await violations(cyd.page, 'turning away')));
  await cyd.page.getByRole('dialog').getByRole('button', { name: 'Turn away' }).click();
  await dan.page.getByText('The room is for group 3.').waitFor();

  // A co-host does not rule over hosts, and is told why.
  await cyd.button('What you can do with Ada').click();
  const out = cyd.page.getByRole('menuitem', { name: /^Take out/ });
  await out.getByText('They have a higher role than you.').waitFor();
  expect(await out.getAttribute('aria-disabled')).toBe('true');
  found.push(...(await violations(cyd.page, 'menu of a person')));
  await cyd.page.keyboard.press('Escape');

  await bob.button('Mute').waitFor();
  await more(ada, 'Mute everybody');
  await ada.page.getByRole('switch', { name: 'They may unmute themselves' }).uncheck();
  found.push(...(await violations(ada.page, 'muting all')));
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Mute everybody' }).click();
  await bob.button('Muted by the host').waitFor();
  await withPerson(ada, 'Bob', 'Let them unmute');
  await bob.button('Unmute').waitFor();

  await withPerson(ada, 'Bob', 'Show large to everybody');
  await expect.poll(() => bob.page.getByRole('log').innerText(), SOON).toContain('Everybody sees you large now');
  await cyd.button('Raise your hand').click();
  await ada.page.getByText('Raised hands, in order').waitFor();
  await ada.button('Lower the hand of Cyd').click();
  await cyd.button('Raise your hand').waitFor();
  expect(found).toEqual([]);
});

it('the room is set up while people are in it, saved as a template, and ended', async () => {
  const room = await the.server.createRoom({ title: 'Seminar' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const dialog = ada.page.getByRole('dialog');

  await more(ada, 'Room settings');
  await dialog.getByLabel('Title of the room').fill('Seminar, part 2');
  await dialog.getByRole('button', { name: 'Call it so' }).click();
  await expect.poll(() => bob.page.title(), SOON).toContain('Seminar, part 2');
  await dialog.getByRole('switch', { name: 'chat, react and raise a hand' }).uncheck();
  await dialog.getByRole('switch', { name: 'Questions are taken' }).check();
  await dialog.getByLabel('People at most').fill('1');
  await dialog.getByLabel('People at most').press('Enter');
  await dialog.getByText(/^Enter a number from 2/).waitFor();
  await dialog.getByLabel('People at most').fill('7');
  await dialog.getByLabel('People at most').press('Enter');
  await dialog.getByLabel('Name of the template').fill('Seven at most');
  await dialog.getByRole('button', { name: 'Save as a template' }).click();
  await dialog.getByRole('button', { name: 'Delete the template Seven at most' }).waitFor();
  expect(await violations(ada.page, 'room settings')).toEqual([]);
  await ada.page.keyboard.press('Escape');
  await bob.button('Questions').waitFor();
  await bob.button(/^Chat/).click();
  await bob.page.getByText('You may read here, but not write.').waitFor();

  // Whoever makes a room finds the template.
  const cyd = await the.open({ name: 'Cyd', ...SILENT });
  await cyd.page.goto(the.server.origin);
  await cyd.button('Create a room').click();
  await cyd.page.getByLabel('Title').fill('By template');
  await cyd.page.getByLabel(/^What for/).click();
  await cyd.page.getByRole('option', { name: 'Seven at most' }).click();
  await cyd.page.getByText('A template that was saved here, up to 7 people.').waitFor();
  await cyd.button('Create').click();
  await cyd.page.getByRole('heading', { name: 'The room is ready' }).waitFor();

  await more(ada, 'Room settings');
  await dialog.getByRole('button', { name: 'Delete the template Seven at most' }).click();
  await dialog.getByRole('button', { name: 'Delete the template Seven at most' }).waitFor({ state: 'detached' });
  await ada.page.keyboard.press('Escape');
  await more(ada, 'End the meeting');
  await dialog.getByText('1 other person is taken out').waitFor();
  await dialog.getByRole('button', { name: 'End it', exact: true }).click();
  await bob.page.getByRole('heading', { name: 'The meeting has ended' }).waitFor();
  await ada.page.getByRole('heading', { name: 'The meeting has ended' }).waitFor();
  cyd.expectComplaints(/40[34]/);
});

it('the floor is asked for, granted, handed over and stopped; whoever is banned stays out until bans are lifted', async () => {
  const room = await the.server.createRoom({ title: 'Floor' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const flags = ['--auto-select-desktop-capture-source=Entire screen'];
  const cyd = await the.comeIn(room.join, { name: 'Cyd', ...SILENT, flags });
  await ada.button(/^People/).click();
  await bob.page.keyboard.press('s');
  await bob.button(/^Waiting to present, place 1/).waitFor();
  await ada.page.getByText('Waiting to present, in order').waitFor();
  await ada.button('Let Bob present').click();
  await bob.page.getByText('It is your turn to present.').waitFor();
  await bob.button(/^People/).click();
  await withPerson(bob, 'Cyd', 'Hand over the presenting to them');
  await cyd.page.getByText('It is your turn to present.').waitFor();
  await withPerson(ada, 'Cyd', 'Stop the sharing');
  await cyd.page.getByText('It is your turn to present.').waitFor({ state: 'detached' });

  await withPerson(ada, 'Bob', 'Take out');
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Reason (optional)').fill('Not your lesson.');
  await dialog.getByRole('switch', { name: 'They may not come back' }).check();
  await dialog.getByRole('button', { name: 'Take out' }).click();
  await bob.page.getByText('Reason: Not your lesson.').waitFor();
  const again = async (): Promise<void> => {
    await bob.page.goto(room.join);
    await bob.button('Join').click();
  };
  await again();
  await bob.page.getByRole('heading', { name: 'You may not come back' }).waitFor();
  await more(ada, 'Room settings');
  await dialog.getByRole('button', { name: 'Lift all bans' }).click();
  await ada.page.getByText('Nobody is banned any more.').waitFor();
  await ada.page.keyboard.press('Escape');
  await again();
  await inside(bob);
});

/** What a button saves. */
async function saved(host: Guest, button: string): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([host.page.waitForEvent('download'), host.button(button).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

it('the host reads what came of the meeting, keeps it as a file, and opens the room again', async () => {
  const room = await the.server.createRoom({ title: 'Physics', settings: { questions: { open: true } } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const { page } = ada;
  await bob.button(/^Questions/).click();
  await bob.page.getByLabel('Ask a question').fill('+ or -: which sign has the work?');
  await bob.button('Ask').click();
  await ada.button(/^Chat/).click();
  await page.getByLabel('Write to everybody').fill('Welcome');
  await page.getByLabel('Write to everybody').press('Enter');
  await ada.button('More, 1 new').waitFor();

  await more(ada, 'Report so far');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('it goes on').waitFor();
  await dialog.getByRole('rowheader', { name: '+ or -: which sign has the work?' }).waitFor();
  const found = await violations(page, 'report so far');
  await page.keyboard.press('Escape');

  await more(ada, 'End the meeting');
  await dialog.getByRole('button', { name: 'End it', exact: true }).click();
  await bob.page.getByRole('heading', { name: 'The meeting has ended' }).waitFor();
  expect(await bob.button('What came of the meeting').count()).toBe(0);
  await ada.button('What came of the meeting').click();
  await page.getByRole('heading', { name: 'What came of “Physics”' }).waitFor();
  await page.getByRole('row', { name: /^Bob Participant/ }).waitFor();
  await page.getByText('by the host', { exact: true }).waitFor();
  found.push(...(await violations(page, 'report')));
  await page.emulateMedia({ colorScheme: 'light' });
  await picture(page, 'report');
  await page.setViewportSize({ width: 320, height: 568 });
  found.push(...(await violations(page, 'report on a phone')));
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(tooWide).toBe(0);
  const table = await saved(ada, 'Save as a table (CSV)');
  expect(table.name).toBe(`${room.slug}-report.csv`);
  // Nothing that somebody wrote is a formula.
  expect(table.text).toContain(`"'+ or -: which sign has the work?"`);
  const { name, text } = await saved(ada, 'Save as JSON');
  expect(name).toBe(`${room.slug}-report.json`);
  expect(JSON.parse(text)).toMatchObject({ title: 'Physics', totalPeople: 2, totalQuestions: 1, totalMessages: 1, endReason: 'host_ended' });

  // Who has the host's link finds it again, and the room with what was said in it.
  await page.setViewportSize({ width: 1_000, height: 600 });
  await page.goto(the.server.origin);
  await page.goto(room.host);
  await page.getByRole('heading', { name: 'This meeting is over' }).waitFor();
  found.push(...(await violations(page, 'a room that is over, for its host')));
  await ada.button('What came of the meeting').click();
  await page.getByRole('row', { name: /^Ada Host/ }).waitFor();
  await ada.button('Back').click();
  await ada.button('Open the room again').click();
  await page.getByLabel('Your name').fill('Ada');
  await ada.button('Join').click();
  await inside(ada);
  await ada.button(/^Chat/).click();
  await page.getByText('Welcome', { exact: true }).waitFor();
  // The room answers that it is over, which browsers write down.
  ada.expectComplaints(/410|404/);
  expect(found).toEqual([]);
});
