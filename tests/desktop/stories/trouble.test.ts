/** What goes wrong is said in a sentence, and mended where it can be. */

import { expect, it } from 'vitest';
import { PROGRAM } from '../src/desk';
import { Machine } from '../src/machine';
import { ALIKE, feed, pass, speak } from '../src/sound';
import { story } from '../src/story';
import { Tomorrow } from '../src/tomorrow';

const the = story();
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
  await ada.window.press('Forget Home and its key');
  await ada.window.press('Join');
  await ada.enter();
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

it('without a sound server one is in all the same, and is told', async () => {
  const room = await the.room('Mute');
  const ada = await the.comeIn(room.host, { name: 'Ada', sound: false });
  await ada.window.press('Unmute');
  await ada.window.reads('None was found');
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
