/** The operator's pages: every page and every form, by keyboard, with and without scripts, looked at by axe. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import type { Guest } from '../src/guest';
import { picture } from '../src/pictures';
import { story } from '../src/story';

const NAME = 'Hill School';
const PASSWORD = 'correct horse battery';
const PAGES = [
  ...['', '/rooms', '/rooms/lobby', '/people', '/notices', '/countdowns', '/quality'],
  ...['/storage', '/logs', '/audit', '/settings', '/access', '/server'],
];
/** What axe knows of WCAG 2.1 AA, and its own advice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
const PICTURED = ['', '/rooms/lobby', '/storage', '/logs', '/server'];
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Finding {
  rule: string;
  places: string[];
}

/** Too light to be read on white, and too dull on black: the pages make of it what can be. */
const COLOUR = '#e8c400';
const the = story([`server_name=${NAME}`, `theme_color=${COLOUR}`]);
let isSetUp = false;

const admin = (path: string): string => `${the.server.origin}/admin${path}`;

async function signedIn(name: string): Promise<Guest> {
  const operator = await the.open({ name, viewport: { width: 1_440, height: 900 } });
  const { page } = operator;
  await page.goto(isSetUp ? admin('/sign-in') : the.server.links.admin);
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  if (!isSetUp) await page.getByLabel('The same password again').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  isSetUp = true;
  return operator;
}

async function findings(page: Page): Promise<Finding[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(async (rules) => {
    interface Result {
      violations: { id: string; nodes: { html: string }[] }[];
    }
    const { axe } = window as unknown as { axe: { run(on: Document, how: unknown): Promise<Result> } };
    const { violations } = await axe.run(document, { runOnly: rules });
    return violations.map(({ id, nodes }) => ({ rule: id, places: nodes.map((node) => node.html.slice(0, 120)) }));
  }, RULES);
}

/** Joins a room without a link: the seat waits for one. */
async function seat(operator: Guest, slug: string, name: string): Promise<void> {
  const answer = await operator.context.request.post(`${the.server.origin}/api/rooms/${slug}/join`, { data: { name } });
  expect(answer.status()).toBe(201);
}

let ada: Guest;

beforeEach(async () => {
  ada = await signedIn('Ada');
});

it('nothing is in the way of anybody on any page, in any theme, on any screen', async () => {
  const { page } = ada;
  await seat(ada, 'lobby', 'Bob');
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 1_440]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      for (const path of PAGES) {
        await page.goto(admin(path));
        expect(await findings(page), `${path} ${colorScheme} ${width}`).toEqual([]);
        const wider = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(wider, `${path} scrolls sideways at ${width}`).toBe(0);
        if (PICTURED.includes(path) && colorScheme === 'light' && width === 1_440) {
          const name = path.replace(/^\//, '').replaceAll('/', '-') || 'overview';
          await picture(page, `operator-${name}`);
        }
      }
    }
  }
});

it('a room is opened, limited, locked and ended', async () => {
  const { page } = ada;
  await page.goto(admin('/rooms'));
  await page.getByLabel('Title', { exact: true }).fill('Board <b>meeting</b>');
  await page.getByLabel(/^Address/).fill('board');
  await ada.button('Open it').click();
  await page.getByRole('img', { name: 'QR code of the link' }).waitFor();
  expect(await findings(page)).toEqual([]);

  await page.goto(admin('/rooms/board'));
  await page.getByRole('heading', { name: 'Board <b>meeting</b>' }).waitFor();
  await page.getByText('Time limit', { exact: true }).click();
  await page.getByLabel(/so many minutes/).fill('30');
  await ada.button('Set').click();
  await page.getByRole('status').getByText('The time limit is set').waitFor();
  await ada.button('Lock').click();
  await ada.button('Open the lock').waitFor();

  await page.goto(admin('/countdowns'));
  const countdown = page.locator('[data-ends-in]');
  const before = await countdown.textContent();
  await expect.poll(() => countdown.textContent()).not.toBe(before);

  await page.goto(admin('/rooms/board'));
  await page.getByText('End the meeting', { exact: true }).click();
  expect(await findings(page)).toEqual([]);
  await ada.button('End it for everybody').click();
  await page.getByRole('status').getByText('The meeting has ended').waitFor();
  await page.goto(admin('/audit'));
  await page.getByRole('cell', { name: 'end_room' }).first().waitFor();
});

it('somebody is taken out, and all are told something', async () => {
  const { page } = ada;
  await seat(ada, 'lobby', 'Eve');
  await page.goto(admin('/people?name=eve'));
  await page.getByText('Take out Eve').click();
  await page.getByLabel(/^Reason/).fill('Too loud');
  expect(await findings(page)).toEqual([]);
  await ada.button('Take out').click();
  await page.getByRole('status').getByText('was taken out').waitFor();

  await page.goto(admin('/notices'));
  await page.getByLabel('Text').fill('The building closes at six.');
  await ada.button('Post').click();
  await page.getByRole('status').getByText('posted').waitFor();
});

it('log lines appear by themselves', async () => {
  const { page } = ada;
  await page.goto(admin('/logs'));
  await page.getByText('New lines appear by themselves.').waitFor();
  const lines = page.locator('#tail tr');
  const before = await lines.count();
  const other = await ada.context.newPage();
  await other.goto(admin('/notices'));
  await other.getByLabel('Text').fill('Something to log');
  await other.getByRole('button', { name: 'Post' }).click();
  await other.getByRole('status').waitFor();
  await expect.poll(() => lines.count()).toBeGreaterThan(before);
  await other.close();
});

it('a token for scripts is shown once, and can be taken back', async () => {
  const { page } = ada;
  await page.goto(admin('/access'));
  await ada.button('Make a new token').click();
  const shown = page.getByRole('status').locator('code');
  expect(await shown.textContent()).toMatch(/^[\w-]{43}$/);
  expect(await findings(page)).toEqual([]);
  await page.goto(admin('/access'));
  expect(await shown.count()).toBe(0);
  await ada.button('Take it back').click();
  await page.getByText('There is no token.').waitFor();
});

it('who waits at a door is shown, in the organisation’s colour', async () => {
  const { page } = ada;
  const room = await the.server.createRoom({ title: 'Surgery', settings: { waitingRoom: true } });
  const eve = await the.open({ name: 'Eve' });
  await eve.page.goto(room.join);
  await eve.page.getByLabel('Your name').fill('Eve <b>');
  await eve.button('Join').click();
  await eve.page.getByText('Surgery').first().waitFor();
  await expect.poll(async () => {
    await page.goto(admin('/people'));
    return page.getByRole('region', { name: 'At the door' }).getByText('Eve <b>').count();
  }).toBe(1);
  expect(await findings(page)).toEqual([]);
  await page.goto(admin(`/rooms/${room.slug}`));
  await page.getByText('1 at the door').waitFor();
  await page.getByRole('region', { name: 'At the door' }).getByText('Eve <b>').waitFor();
  const accent = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent').trim());
  expect(accent).toMatch(/^#[0-9a-f]{6}$/);
  expect(accent).not.toBe('#0a6670');
});

it('the interface is described on a page for everybody', async () => {
  const { page } = ada;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${the.server.origin}/api/docs`);
    await page.getByRole('heading', { name: 'POST /api/rooms', exact: true }).waitFor();
    expect(await findings(page)).toEqual([]);
  }
});

it('pages work without scripts', async () => {
  const { page } = ada;
  const developer = await ada.context.newCDPSession(page);
  await developer.send('Emulation.setScriptExecutionDisabled', { value: true });
  await page.goto(admin('/rooms/lobby'));
  await ada.button('Lock').click();
  await ada.button('Open the lock').click();
  await ada.button('Lock').waitFor();
  await page.goto(admin('/logs'));
  // What the script would have replaced.
  await page.getByText('Load the page anew').waitFor();
});

it('the server stops only when its name is typed', async () => {
  const { page } = ada;
  await page.goto(admin('/server'));
  await page.getByLabel(/type the name/).fill('Hill');
  await ada.button('Stop the server').click();
  await page.getByRole('alert').getByText('Nothing was done').waitFor();
  ada.expectComplaints(/422/);
  await page.goto(admin('/server'));
  await page.getByLabel(/type the name/).fill(NAME);
  await ada.button('Stop the server').click();
  await page.getByRole('status').waitFor();
});
