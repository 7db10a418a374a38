/** What goes wrong is said in a sentence, and mended where it can be. */

import { readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROGRAM } from '../src/desk';
import { Machine, until } from '../src/machine';
import { ALIKE, feed, pass, speak } from '../src/sound';
import { story } from '../src/story';
import { Tomorrow } from '../src/tomorrow';

const the = story();
const LATE_MS = 30_000;
const COUNTING = 'One two three four five six seven eight nine ten.';

it('a link with another key stops, and says so', async () => {
  const room = await the.room('Keys');
  const ada = await the.open({ name: 'Ada' });
  const wrong = room.join.replace(/k=[^&]+/u, `k=${'A'.repeat(43)}`);
  await ada.window.type('Link or code', wrong);
  await ada.window.press('Join');
  await ada.window.reads('This is not the server of the link');
});

it('a server that has another key than before stops, and says what to do', async () => {
  const room = await the.room('Before');
  const server = `127.0.0.1:${the.server.links.tcpPort}`;
  const known = [{ server, fingerprint: 'A'.repeat(43), name: 'Home' }];
  const ada = await the.open({ name: 'Ada', settings: { servers: known } });
  await ada.window.type('Link or code', room.join);
  await ada.window.press('Join');
  await ada.window.reads('had another key when you were there last');

  // What is set while the disk is full is not lost: it is written as soon as there is room.
  const full = join(ada.machine.settings, 'settings.json.new');
  await symlink('/dev/full', full);
  await ada.window.press('Forget Home and its key');
  await ada.window.reads('The disk is full. What you set now is lost when the program ends: make room');
  await rm(full);
  await ada.window.press('Join');
  await ada.enter();
  const stored = async (): Promise<boolean> => {
    const { servers } = (await ada.machine.remembered()) as { servers: { fingerprint: string }[] };
    return servers.length === 1 && servers[0]?.fingerprint !== known[0]?.fingerprint;
  };
  await until('settings that are kept again', stored, LATE_MS);
  const says = (): Promise<string> => ada.window.run(() => document.body.innerText);
  await until('end of the warning', async () => !(await says()).includes('The disk is full'), LATE_MS);
});

it('a server of another version is told from one that is away, and who is to be updated is said', async () => {
  const tomorrow = await Tomorrow.start();
  try {
    const ada = await the.open({ name: 'Ada' });
    await ada.window.type('Link or code', tomorrow.link);
    await ada.window.press('Join');
    await ada.window.reads('This program is older than the server. Update it');
  } finally {
    await tomorrow.stop();
  }
});

it('nonsense is no link', async () => {
  const ada = await the.open({ name: 'Ada' });
  await ada.window.type('Link or code', 'https://127.0.0.1:1/r/physics');
  await ada.window.press('Join');
  await ada.window.reads('The link has no key');
});

it('without a display the program says what is missing', async () => {
  const machine = await Machine.start({ sound: false });
  try {
    machine.env['DISPLAY'] = '';
    const failed = await machine.run(PROGRAM).then(
      () => '',
      (error: { stderr?: string }) => error.stderr ?? '',
    );
    expect(failed).toContain('There is no display to open a window on');
    expect(await machine.run(PROGRAM, '--version')).toMatch(/^conclave \d+\.\d+\.\d+/u);
  } finally {
    await machine.stop();
  }
});

it('without a sound server and a camera one is in all the same, and is told what to do', async () => {
  const room = await the.room('Mute');
  const ada = await the.open({ name: 'Ada', sound: false });
  const said = 'no sound server answers and there is no sound card. Start PipeWire or PulseAudio, or connect a headset.';
  const none = 'No camera was found. Connect one, or choose the test picture.';
  // A machine of somebody who has a camera has nothing to say of it.
  const hasCamera = (await readdir('/dev')).some((name) => name.startsWith('video'));
  await ada.window.type('Link or code', room.host);
  await ada.window.press('Join');
  // Before the door: microphone, hearing oneself, camera.
  await ada.window.reads(`Your microphone does not work. This machine has no sound: ${said}`);
  await ada.window.run(() => document.querySelector('summary')?.click());
  await ada.window.press('Hear yourself');
  await ada.window.reads(`You cannot hear yourself. This machine has no sound: ${said}`);
  await ada.window.press('Switch on the camera');
  if (!hasCamera) await ada.window.reads(`Your camera does not work. ${none}`);
  await ada.enter();
  // And in the meeting, above the stage.
  const banner = (text: string): Promise<void> =>
    until(`banner "${text}"`, () => ada.window.run((text: string) => {
      const shown = [...document.querySelectorAll<HTMLElement>('[data-banner="device_failed"]')];
      return shown.some((banner) => banner.innerText.replace(/\s+/gu, ' ').includes(text));
    }, text), LATE_MS);
  await ada.window.press('Unmute');
  await banner(`Your microphone does not work. This machine has no sound: ${said}`);
  if (!hasCamera) {
    await ada.window.press('Switch on the camera');
    await banner(`Your camera does not work. ${none}`);
  }
  expect(await ada.window.run(() => document.body.innerText)).not.toContain('the address');
});

it('a speaker that is pulled out while somebody talks is told, and the other takes over', async () => {
  const room = await the.room('Unplugged');
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true });
  const speaker = { choose: 'device', id: 'pulseaudio:usb', name: 'Headset' };
  const bob = await the.open({ name: 'Bob', settings: { devices: { speaker } } });
  const usb = await bob.machine.plug('module-null-sink', 'sink_name=usb', 'sink_properties=device.description=Headset');
  await bob.join(room.join);
  await ada.window.waitFor('Mute');
  const { path } = await speak(ada.machine.home, COUNTING);
  await feed(ada.machine, path);
  const talking = feed(ada.machine, path);
  await bob.machine.unplug(usb);
  await bob.window.reads('The speaker Headset is gone. Speaker is used instead.');
  await talking;
  expect((await pass(COUNTING, ada.machine, bob.machine)).like).toBeGreaterThan(ALIKE);
});

it('a server that begins anew finds everybody again', async () => {
  const room = await the.room('Restart');
  const ada = await the.comeIn(room.host, { name: 'Ada' });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.waitFor('People (2)');
  await the.server.kill();
  await ada.window.reads('The link is lost. Your place is kept.');
  await the.server.startAgain();
  await ada.window.press(/^Chat/u);
  await ada.window.type('Write to everybody', 'after the restart');
  await ada.window.press('Send');
  await bob.window.press(/^Chat/u);
  await bob.window.reads('after the restart', 60_000);
});

it('half a second without a network is heard and forgotten, and nobody is sent off', async () => {
  const room = await the.room('Outage');
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: true });
  const bob = await the.comeIn(room.join, { name: 'Bob' });
  await ada.window.waitFor('Mute');
  const { path } = await speak(ada.machine.home, COUNTING);
  await feed(ada.machine, path);
  await the.server.standStill(500);
  expect((await pass(COUNTING, ada.machine, bob.machine)).like).toBeGreaterThan(ALIKE);
  for (const desk of [ada, bob]) {
    const said = await desk.window.run(() => document.body.innerText);
    expect(said).not.toContain('The link is lost');
    expect(await desk.window.has('People (2)')).toBe(true);
  }
});
