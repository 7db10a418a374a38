/** What belongs to a desktop: one window, links and switches from outside, keys in front of other windows. */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { PROGRAM } from '../src/desk';
import { until } from '../src/machine';
import { story } from '../src/story';

const the = story();
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
