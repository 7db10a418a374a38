/** What belongs to a desktop: one window, links and switches from outside, keys in front of other windows. */

import { expect, it } from 'vitest';
import { PROGRAM } from '../src/desk';
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
