/** The operator's pages: every page and every form, by keyboard, with and without scripts, looked at by axe. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { NativeGuests } from '../src/crowd';
import type { Guest } from '../src/guest';
import { picture } from '../src/pictures';
import { story } from '../src/story';

const NAME = 'Hill School';
const PASSWORD = 'correct horse battery';
const PAGES = [
  ...['', '/rooms', '/rooms/maths-3b', '/people', '/notices', '/countdowns', '/quality', '/meetings'],
  ...['/statistics', '/storage', '/logs', '/audit', '/settings', '/access', '/server'],
];
/** What axe knows of WCAG 2.1 AA, and its own advice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
const PICTURED = ['', '/rooms/maths-3b', '/people', '/storage', '/logs', '/server'];
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
  if (!isSetUp) await setUp(operator);
  else await signIn(operator, PASSWORD);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  isSetUp = true;
  return operator;
}

async function signIn({ page, wish }: Guest, password: string): Promise<void> {
  await page.goto(admin('/sign-in'));
  await page.getByLabel('Your name').fill(wish.name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
}

/** By the link that the server has printed; the first time the two passwords differ. */
async function setUp(operator: Guest): Promise<void> {
  const { page, wish } = operator;
  for (const again of ['incorrect horse battery', PASSWORD]) {
    await page.goto(the.server.links.admin);
    expect(await findings(page)).toEqual([]);
    await page.getByLabel('Your name').fill(wish.name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('The same password again').fill(again);
    await page.keyboard.press('Enter');
    if (again === PASSWORD) return;
    await refused(operator, 'The two passwords differ', /422/);
  }
}

/** They are told why, on a page that everybody can read. */
async function refused(operator: Guest, why: string, status: RegExp): Promise<void> {
  await operator.page.getByRole('alert').getByText(why).waitFor();
  expect(await findings(operator.page)).toEqual([]);
  operator.expectComplaints(status);
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

/** Joins a room without a link: the seat waits for one. Gives its token. */
async function seat(operator: Guest, slug: string, name: string): Promise<string> {
  const answer = await operator.context.request.post(`${the.server.origin}/api/rooms/${slug}/join`, { data: { name } });
  expect(answer.status()).toBe(201);
  const { seatToken } = (await answer.json()) as { seatToken: string };
  return seatToken;
}

/** Shares a file from that seat, in one piece (tus 1.0). */
async function share(operator: Guest, slug: string, token: string, name: string, bytes: number): Promise<void> {
  const { request } = operator.context;
  const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
  const metadata = `filename ${Buffer.from(name).toString('base64')}`;
  const begun = await request.post(`${the.server.origin}/api/rooms/${slug}/files`, {
    headers: { ...headers, 'upload-length': String(bytes), 'upload-metadata': metadata },
  });
  const place = new URL(begun.headers()['location'] ?? '', the.server.origin);
  const sent = await request.patch(`${the.server.origin}${place.pathname}`, {
    headers: { ...headers, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    data: Buffer.alloc(bytes, 7),
  });
  expect(sent.status()).toBe(204);
}

let ada: Guest;

beforeEach(async () => {
  ada = await signedIn('Ada');
});

/** Rooms as a school has them: people who speak and who wait, a lock, a time limit, files. */
async function openSchool(): Promise<NativeGuests> {
  const rooms = [
    { slug: 'maths-3b', title: 'Maths 3b' },
    { slug: 'parents-evening', title: 'Parents’ evening', timeLimitMs: 5_400_000 },
    { slug: 'staff-room', title: 'Staff room', password: 'hush' },
  ];
  for (const room of rooms) {
    const made = await ada.context.request.post(`${the.server.origin}/api/rooms`, { data: room });
    expect(made.status()).toBe(201);
  }
  const token = await seat(ada, 'maths-3b', 'Ms Hill');
  await share(ada, 'maths-3b', token, 'Sheet 3.pdf', 412_000);
  await share(ada, 'maths-3b', token, 'Solutions.pdf', 96_500);
  await seat(ada, 'parents-evening', 'Grace');
  const { page } = ada;
  await page.goto(admin('/rooms/staff-room'));
  await ada.button('Lock').click();
  const guests = NativeGuests.join(the.server.origin, 'maths-3b', 6, 2);
  // Until each of them has a link whose quality is known.
  const links = async (): Promise<number> => {
    await page.goto(admin('/rooms/maths-3b'));
    return page.getByText(/ms, jitter/).count();
  };
  await expect.poll(links, { timeout: 60_000 }).toBe(6);
  return guests;
}

it('nothing is in the way of anybody on any page, in any theme, on any screen', async () => {
  const guests = await openSchool();
  try {
    await lookAround();
  } finally {
    guests.kill();
  }
}, 300_000);

async function lookAround(): Promise<void> {
  const { page } = ada;
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [320, 1_440]) {
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
          const name = path.startsWith('/rooms/') ? 'room' : path.slice(1) || 'overview';
          await picture(page, `operator-${name}`);
        }
      }
    }
  }
}

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
  const countdown = page.locator('[data-ends-in]').first();
  const before = await countdown.textContent();
  await expect.poll(() => countdown.textContent()).not.toBe(before);
  const row = page.getByRole('row', { name: /Board/ });
  await row.getByText('Change the limit of Board').click();
  await row.getByLabel(/so many minutes/).fill('90');
  expect(await findings(page)).toEqual([]);
  await row.getByRole('button', { name: 'Set' }).click();
  await page.getByRole('status').getByText('The time limit is set').waitFor();
  await page.locator('dl', { hasText: 'Ends in' }).getByText(/^1 h/).waitFor();

  await page.goto(admin('/rooms'));
  await page.getByRole('search').getByLabel('Title or address').fill('BOARD');
  await ada.button('Show').click();
  await page.getByRole('link', { name: 'Board <b>meeting</b>' }).waitFor();
  expect(await page.getByRole('link', { name: 'Lobby', exact: true }).count()).toBe(0);

  await page.goto(admin('/rooms/board'));
  await page.getByText('End the meeting', { exact: true }).click();
  expect(await findings(page)).toEqual([]);
  await ada.button('End it for everybody').click();
  await page.getByRole('status').getByText('The meeting has ended').waitFor();
  await page.goto(admin('/audit'));
  await page.getByRole('cell', { name: 'end_room' }).first().waitFor();

  await page.goto(admin('/meetings'));
  await page.getByRole('link', { name: 'Board <b>meeting</b>' }).first().click();
  await page.getByRole('link', { name: /as a table/ }).waitFor();
  expect(await findings(page)).toEqual([]);
});

it('somebody is found and taken out, or banned, and all are told something', async () => {
  const { page } = ada;
  for (const name of ['Eve', 'Mallory', 'Grace']) await seat(ada, 'lobby', name);
  for (const [name, ban] of [['Eve', false], ['Mallory', true]] as const) {
    await page.goto(admin('/people'));
    await page.getByLabel('Name', { exact: true }).fill(name.toUpperCase());
    await page.getByLabel('Room', { exact: true }).fill('lobby');
    await page.getByLabel('Role').selectOption('participant');
    await page.getByLabel('Quality').selectOption('unknown');
    await ada.button('Show').click();
    await page.getByText('1 person.').waitFor();
    await page.getByText(`Take out ${name}`).click();
    await page.getByLabel(/^Reason/).fill('Too loud');
    await page.getByRole('checkbox', { name: /^Ban/ }).setChecked(ban);
    expect(await findings(page)).toEqual([]);
    await ada.button('Take out').click();
    await page.getByRole('status').getByText('was taken out').waitFor();
  }
  await page.goto(admin('/people'));
  expect(await page.getByRole('table').innerText()).toContain('Grace');
  expect(await page.getByRole('table').innerText()).not.toContain('Mallory');
  await page.goto(admin('/audit'));
  await page.getByRole('cell', { name: 'ban', exact: true }).first().waitFor();

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

  await ada.button('Pause').click();
  expect(await ada.button('Pause').getAttribute('aria-pressed')).toBe('true');
  await page.getByLabel('At least as grave as').selectOption('error');
  await ada.button('Show').click();
  await page.waitForURL(/level=error/);
  await page.getByText('New lines appear by themselves.').waitFor();
  expect(await page.locator('#tail').innerText()).not.toContain('INFO');
});

it('files are removed, of rooms that are open and of those that have ended', async () => {
  const { page } = ada;
  for (const slug of ['open-shelf', 'ended-shelf']) {
    const room = { title: slug, slug };
    const made = await ada.context.request.post(`${the.server.origin}/api/rooms`, { data: room });
    const { hostKey } = (await made.json()) as { hostKey: string };
    await share(ada, slug, await seat(ada, slug, 'Eve'), 'notes & sheets.txt', 5);
    if (slug === 'ended-shelf') {
      const headers = { authorization: `Bearer ${hostKey}` };
      await ada.context.request.delete(`${the.server.origin}/api/rooms/${slug}`, { headers });
    }
    await page.goto(admin('/storage'));
    await page.getByLabel('Room’s address').fill(slug);
    await page.getByLabel('Order').selectOption('newest');
    await ada.button('Show').click();
    const files = page.getByRole('region', { name: 'Files', exact: true });
    await files.getByText('Remove notes').click();
    expect(await findings(page)).toEqual([]);
    await ada.button('Remove it').click();
    await page.getByRole('status').getByText('The file is removed').waitFor();
    await page.goto(admin(`/storage?room=${slug}`));
    await files.getByText('No files.').waitFor();
  }
});

it('the password is changed, others are signed out, and so is who asks for it', async () => {
  const { page } = ada;
  const bob = await signedIn('Bob');
  const change = async (present: string, next: string, again: string): Promise<void> => {
    await page.goto(admin('/access'));
    await page.getByLabel('Present password').fill(present);
    await page.getByLabel(/^New password/).fill(next);
    await page.getByLabel('The same again').fill(again);
    await ada.button('Change it').click();
  };
  await change(PASSWORD, 'another long password', 'and yet another one');
  await refused(ada, 'The two passwords differ', /422/);
  await change(PASSWORD, 'another long password', 'another long password');
  await page.getByRole('status').getByText('The password is changed').waitFor();
  await bob.page.goto(admin('/rooms'));
  await refused(bob, 'Sign in to go on', /401/);
  await change('another long password', PASSWORD, PASSWORD);
  await page.getByRole('status').getByText('The password is changed').waitFor();

  await signIn(bob, PASSWORD);
  await bob.page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.goto(admin('/access'));
  await page.getByRole('rowheader', { name: 'Bob' }).first().waitFor();
  await ada.button('Sign everybody else out').click();
  await page.getByRole('status').getByText('Everybody else was signed out').waitFor();
  await bob.page.reload();
  await refused(bob, 'Sign in to go on', /401/);

  await ada.button('Sign out').click();
  await page.getByRole('heading', { name: /for the operator/ }).waitFor();
  expect(await findings(page)).toEqual([]);
  await signIn(ada, 'not the password');
  await refused(ada, 'The password is wrong', /401/);
});

it('a page that is open while its session ends says that it has stopped', async () => {
  const { page } = ada;
  const watched = await ada.context.newPage();
  await watched.goto(admin(''));
  await watched.getByText('The figures follow by themselves.').waitFor();
  const tail = await ada.context.newPage();
  await tail.goto(admin('/logs'));
  await tail.getByText('New lines appear by themselves.').waitFor();
  await page.goto(admin(''));
  await ada.button('Sign out').click();
  await watched.getByText('The figures do not follow any more. Load the page anew.').waitFor();
  await tail.getByText('No new lines come any more. Load the page anew.').waitFor();
  expect(await findings(watched)).toEqual([]);
  ada.expectComplaints(/401/);
});

it('a page that is open all day keeps nothing of what it was sent', async () => {
  const { page } = ada;
  const developer = await ada.context.newCDPSession(page);
  await developer.send('Performance.enable');
  await developer.send('HeapProfiler.enable');
  // What comes in a day comes at once.
  await page.addInitScript(() => {
    window.EventSource = class extends EventTarget {
      static readonly CLOSED = 2;
      onmessage: ((message: { data: string }) => void) | null = null;
      constructor() {
        super();
        Object.assign(window, { conclaveSends: (data: unknown) => this.onmessage?.({ data: JSON.stringify(data) }) });
      }
      close(): void {}
    } as never;
  });
  const kept = async (): Promise<{ heap: number; nodes: number; listeners: number }> => {
    for (let time = 0; time < 3; time += 1) await developer.send('HeapProfiler.collectGarbage');
    const { metrics } = await developer.send('Performance.getMetrics');
    const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? NaN;
    return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
  };
  /** So many messages, the first of them numbered so. */
  const send = (messages: number, kind: 'figures' | 'lines'): Promise<void> =>
    page.evaluate(
      async ({ messages, kind }) => {
        const { conclaveSends } = window as never as { conclaveSends(data: unknown): void };
        const text = 'a line of the log, as long as they are: participant=7 room=42 took_ms=13';
        for (let number = 0; number < messages; number += 1) {
          const line = { number, at: '2026-01-01 00:00:00', level: 'INFO', target: 'conclave_server', text: `${text} ${number}` };
          const figures = { rooms: number, people: number, voices: 1, cpu_percent: 3, memory_bytes: number, disk_free_bytes: 9, uptime_s: number };
          conclaveSends(kind === 'figures' ? figures : Array.from({ length: 100 }, () => line));
          // As in a browser, where something else happens between two messages.
          if (number % 200 === 0) await new Promise((later) => setTimeout(later));
        }
      },
      { messages, kind },
    );
  for (const [path, kind, day] of [
    ['', 'figures', 43_200],
    ['/logs', 'lines', 200],
  ] as const) {
    await page.goto(admin(path));
    await send(day / 10, kind);
    const early = await kept();
    await send(day, kind);
    const late = await kept();
    expect(late.nodes - early.nodes, `nodes of ${kind}`).toBeLessThan(50);
    expect(late.listeners - early.listeners, `listeners of ${kind}`).toBeLessThan(5);
    expect(late.heap - early.heap, `bytes of ${kind}`).toBeLessThan(1_000_000);
  }
  expect(await page.locator('#tail tr').count()).toBe(2_000);
  // While it is paused it keeps no more either.
  await ada.button('Pause').click();
  await send(100, 'lines');
  const early = await kept();
  await send(100, 'lines');
  expect((await kept()).heap - early.heap, 'bytes while it is paused').toBeLessThan(1_000_000);
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
  await refused(ada, 'Nothing was done', /422/);
  await page.goto(admin('/server'));
  await page.getByLabel(/type the name/).fill(NAME);
  expect(await findings(page)).toEqual([]);
  await ada.button('Stop the server').click();
  await page.getByRole('status').waitFor();
});
