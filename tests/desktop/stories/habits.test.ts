/** What belongs to a desktop: one window, switches from outside, keys in front of other windows, a tray, notes, no sleep. */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { PROGRAM, type Desk } from '../src/desk';
import { until } from '../src/machine';
import { story } from '../src/story';

const the = story();
const DROP_TARGET = fileURLToPath(new URL('../src/drop_target.py', import.meta.url));
const ON = 'Unmute';
const OFF = 'Mute';

it('a shortcut of the desktop and a key in front of other windows switch the microphone', async () => {
  const room = await the.room('Keys');
  const keys = { talk: 'Ctrl+Alt+T', mute: 'Ctrl+Alt+M' };
  const ada = await the.comeIn(room.host, { name: 'Ada', settings: { keys } });
  const { machine, window } = ada;
  await window.waitFor(ON);
  await machine.run(PROGRAM, 'ptt', 'on');
  await window.waitFor(OFF);
  await machine.run(PROGRAM, 'ptt', 'mute');
  await window.waitFor(ON);
  await machine.run(PROGRAM, 'ptt', 'toggle');
  await window.waitFor(OFF);
  await machine.run(PROGRAM, 'ptt', 'off');
  await window.waitFor(ON);

  await machine.run('xdotool', 'keydown', 'ctrl+alt+t');
  await window.waitFor(OFF);
  await machine.run('xdotool', 'keyup', 'ctrl+alt+t');
  await window.waitFor(ON);
  await machine.run('xdotool', 'key', 'ctrl+alt+m');
  await window.waitFor(OFF);
});

it('a link that is opened while the program runs leads there, in the same window', async () => {
  const room = await the.room('From outside');
  const ada = await the.open({ name: 'Ada' });
  await ada.window.waitFor('Join');
  await ada.machine.run(PROGRAM, room.host.replace('https://', 'conclave://'));
  await ada.enter();
  await ada.window.waitFor('People (1)');
});

it('a program that does not run cannot be switched, and says so', async () => {
  const ada = await the.open({ name: 'Ada' });
  const { machine } = ada;
  machine.env['XDG_RUNTIME_DIR'] = machine.downloads;
  const failed = await machine.run(PROGRAM, 'ptt', 'on').then(
    () => '',
    (error: { stderr?: string }) => error.stderr ?? '',
  );
  expect(failed).toContain('Start it first');
});

const ICONS = fileURLToPath(new URL('../../../client-tauri/app/icons', import.meta.url));

it('the icon in the tray says whether one is in a meeting, heard, or muted', async () => {
  const room = await the.room('Tray');
  const ada = await the.open({ name: 'Ada' });
  const { machine, window } = ada;
  const pixels = (path: string): Promise<string> => machine.run('identify', '-format', '%#', path);
  // Trays are given a file to show.
  const folder = join(machine.home, 'run', 'tray-icon');
  const shows = async (name: string): Promise<void> => {
    const wanted = await pixels(join(ICONS, `tray-${name}.png`));
    const look = async (): Promise<boolean> => {
      const [icon] = await readdir(folder);
      return icon !== undefined && (await pixels(join(folder, icon))) === wanted;
    };
    await until(`icon ${name}`, () => look().catch(() => false), 30_000);
  };
  await shows('idle');
  await ada.join(room.host);
  await shows('muted');
  await window.press(ON);
  await shows('live');
  await window.press(OFF);
  await shows('muted');
  await window.press(/^Leave/u);
  await window.press('Leave');
  await shows('idle');
});

it('a program that began in the tray shows its window when it is started again', async () => {
  const ada = await the.open({ name: 'Ada', args: ['--hidden'] });
  const windows = (): Promise<string> => ada.machine.run('xdotool', 'search', '--onlyvisible', '--name', 'Conclave$').catch(() => '');
  await ada.window.waitFor('Join');
  expect(await windows()).toBe('');
  await ada.machine.run(PROGRAM);
  await until('window', async () => (await windows()) !== '', 30_000);
});

it('what is left of the shared clock stands in the title of the window, and the host keeps the report', async () => {
  const timer = { focus_minutes: 25, short_break_minutes: 5, long_break_minutes: 15, cycles: 4 };
  const room = await the.room('Library', { settings: { timer } });
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const { machine, window } = ada;
  await window.press(/^The study clock is not started/u);
  await window.press('Start focus');
  const titles = (): Promise<string> => machine.run('xdotool', 'search', '--onlyvisible', '--name', 'Library', 'getwindowname');
  const counts = (): Promise<boolean> => titles().then((title) => /^2[45]:\d\d Focus · Library/u.test(title), () => false);
  await until('countdown in the title', counts, 30_000);

  await window.press(/^More/u);
  await window.press('End the meeting');
  await window.press('End it');
  await window.press('What came of the meeting');
  await window.reads('by the host');
  await window.press('Save as a table (CSV)');
  await window.reads(`Saved as ${room.slug}-report.csv`);
  const saved = await readFile(join(machine.downloads, `${room.slug}-report.csv`), 'utf8');
  expect(saved).toContain('"meeting","Ada","Library"');
});

const ASKED = { did: 'asked', who: 'Conclave', why: 'A meeting is on' };

async function staysAwake({ bus }: Desk): Promise<void> {
  expect(await bus.next('sleep')).toEqual({ of: 'sleep', ...ASKED, what: 'idle:sleep', mode: 'block' });
  expect(await bus.next('lock')).toEqual({ of: 'lock', ...ASKED });
}

async function maySleep({ bus }: Desk, how: 'given back' | 'gone'): Promise<void> {
  expect(await bus.next('sleep')).toEqual({ of: 'sleep', did: 'released' });
  expect(await bus.next('lock')).toEqual({ of: 'lock', did: 'released', how });
}

async function leave({ window }: Desk): Promise<void> {
  await window.press(/^Leave/u);
  await window.press('Leave');
}

it('a machine in a meeting stays awake and unlocked, and may sleep after it, however it ends', async () => {
  const room = await the.room('Awake');
  const ada = await the.comeIn(room.host, { name: 'Ada', bus: true, sound: false });
  const { bus, machine, window } = ada;
  await staysAwake(ada);
  // A program that the meeting starts goes on beyond it, and is not why the machine stays awake then.
  const opened = join(machine.home, 'opened');
  await machine.install('xdg-open', `touch ${opened}; while [ -e ${opened} ]; do sleep 1; done`);
  await window.press(/^Chat/u);
  await window.type('Write to everybody', 'https://example.org/');
  await window.press('Send');
  await window.click('https://example.org/');
  await until('opened link', () => readFile(opened).then(() => true, () => false), 30_000);
  expect(await bus.held()).toEqual([1, 1]);
  await leave(ada);
  await maySleep(ada, 'given back');

  await window.press('Join again');
  await ada.enter();
  await staysAwake(ada);
  const found = await machine.run('xdotool', 'search', '--onlyvisible', '--name', 'Conclave$', 'getwindowpid');
  process.kill(Number(found), 'SIGKILL');
  await maySleep(ada, 'gone');
});

it('a desktop that hesitates does not hold up a meeting, and keeps nobody awake after it', async () => {
  const room = await the.room('Slow');
  const ada = await the.open({ name: 'Ada', bus: true, sound: false });
  await ada.bus.hesitate(true);
  await ada.join(room.host);
  await staysAwake(ada);
  await leave(ada);
  await ada.window.waitFor('Join again');
  await ada.bus.hesitate(false);
  await maySleep(ada, 'gone');
  expect(await ada.bus.held()).toEqual([0, 0]);
});

it('who looks elsewhere is told by notes of the desktop, and finds back by them', async () => {
  const room = await the.room('Q&A', { settings: { waiting_room: true } });
  const ada = await the.comeIn(room.host, { name: 'Ada', bus: true, sound: false });
  const { bus, machine, window } = ada;
  const find = ['search', '--onlyvisible', '--name', 'Conclave$'];
  const isLookedAt = (): Promise<boolean> => window.run(() => document.hasFocus());
  const looksElsewhere = (): Promise<void> => until('look elsewhere', async () => !(await isLookedAt()), 30_000);
  const wishNotes = async (): Promise<void> => {
    await window.press(/^More/u);
    await window.press('Settings');
    await window.press('Tell me when the window is not in front');
    await window.press('Close');
  };
  await wishNotes();
  // As whoever manages windows makes one small.
  await machine.run('xdotool', ...find, 'windowunmap');
  await looksElsewhere();
  const coming = the.guest(room.join, { name: 'Bob', microphone: false, camera: false });
  const note = { of: 'note', did: 'shown', number: expect.any(Number), program: 'Conclave', icon: 'conclave', whose: 'Conclave' };
  const actions = ['default', 'Open Conclave'];
  const asks = await bus.next('note');
  // The desktop reads markup, and is to show the title as it is.
  expect(asks).toEqual({ ...note, actions, title: 'Bob waits to be let in', body: 'Q&amp;A' });
  await bus.press(asks);
  await until('window that is looked at', isLookedAt, 30_000);
  await machine.run('xdotool', ...find);
  await window.press(/^People/u);
  await window.press('Let in Bob');
  const bob = await coming;
  await bob.button(/^Chat/u).click();
  const says = async (words: string): Promise<void> => {
    await bob.page.getByLabel('Write to everybody').fill(words);
    await bob.page.keyboard.press('Enter');
  };
  await window.press(/^Chat/u);

  // One note at a time, so that the next one would be one too many: first while the window is looked at, then
  // of what does not concern Ada, then while she wants none.
  await says('@Ada seen at once');
  await window.reads('seen at once');
  // Of another program, whatever it is for.
  machine.spawn('/usr/bin/python3', [DROP_TARGET, join(machine.home, 'dropped')]);
  const other = ['search', '--onlyvisible', '--name', 'drop_target'];
  await until('another window', () => machine.run('xdotool', ...other).then(() => true, () => false), 30_000);
  await machine.run('xdotool', ...other, 'windowfocus');
  await looksElsewhere();
  await says('not to Ada');
  await says('@Ada seen by the note');
  expect(await bus.next('note')).toMatchObject({ title: 'Bob mentioned you', body: 'Q&amp;A' });
  await wishNotes();
  await says('@Ada seen some time');
  await window.reads('seen some time');
  await wishNotes();
  await bob.button('Raise your hand').click();
  expect(await bus.next('note')).toMatchObject({ title: 'Bob raised a hand' });
});
