/** Microphones and cameras that are refused, missing, unplugged, or switched off by a host. */

import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { hears, loudnessOf } from '../src/ears';
import { sees } from '../src/eyes';
import { story } from '../src/story';

const the = story();

/** Whatever is asked for is answered with this error, as a browser does. */
async function devicesFail(page: Page, name: string): Promise<void> {
  await page.addInitScript((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('pretended', name));
  }, name);
}

/** Lets a story take away what the page has opened. Call it before the page is opened. */
async function keepOpened(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const opened: MediaStreamTrack[] = [];
    Object.assign(window, { conclaveOpened: opened });
    navigator.mediaDevices.getUserMedia = async (wish) => {
      const stream = await real(wish);
      opened.push(...stream.getTracks());
      return stream;
    };
  });
}

/** A page cannot pull a plug: the track ends and says so, which is all that a page sees of it. */
async function unplug(page: Page, kind: 'audio' | 'video'): Promise<void> {
  await page.evaluate((kind) => {
    const { conclaveOpened } = window as never as { conclaveOpened: MediaStreamTrack[] };
    const track = conclaveOpened.filter((track) => track.kind === kind).at(-1)!;
    track.stop();
    track.dispatchEvent(new Event('ended'));
  }, kind);
}

for (const device of ['microphone', 'camera'] as const) {
  for (const [name, words] of [
    ['NotAllowedError', /told not to allow it/],
    ['NotFoundError', /None was found/],
    ['NotReadableError', /Another program uses it/],
  ] as const) {
    it(`a ${device} that fails with ${name} says what to do, and the meeting goes on`, async () => {
      const room = await the.server.createRoom({ title: 'Broken' });
      const ada = await the.open({ name: 'Ada', microphone: device === 'microphone', camera: device === 'camera' });
      await devicesFail(ada.page, name);
      await ada.join(room.host);
      await ada.page.getByText(words).first().waitFor();
      await ada.button(/^Chat/).click();
      await ada.page.getByLabel('Write to everybody').fill('I can write');
      await ada.page.getByLabel('Write to everybody').press('Enter');
      await expect.poll(() => ada.page.getByRole('region', { name: 'Messages' }).innerText()).toContain('I can write');
    });
  }
}

it('a camera that is unplugged says so, the meeting goes on, and it can be switched on again', async () => {
  const room = await the.server.createRoom({ title: 'Cable of a camera' });
  const ada = await the.open({ name: 'Ada', hertz: 440 });
  await keepOpened(ada.page);
  await ada.join(room.host);
  const bob = await the.comeIn(room.join, { name: 'Bob', microphone: false, camera: false });
  await sees(bob.page, 'Ada', 2);
  await unplug(ada.page, 'video');
  await ada.page.getByText(/It was unplugged/).first().waitFor();
  await hears(bob.page, 440, [1_000]);
  await ada.button('Switch on the camera').click();
  await sees(bob.page, 'Ada', 2);
});

it('a microphone that is unplugged while talking is replaced by another one', async () => {
  const room = await the.server.createRoom({ title: 'Cable' });
  const ada = await the.open({ name: 'Ada', hertz: 440, camera: false });
  await keepOpened(ada.page);
  await ada.join(room.host);
  const bob = await the.comeIn(room.join, { name: 'Bob', microphone: false, camera: false });
  await hears(bob.page, 440, [1_000]);
  await unplug(ada.page, 'audio');
  await hears(bob.page, 440, [1_000]);
  await ada.button('Mute').waitFor();
});

it('a host mutes somebody, and holds them muted until they may speak again', async () => {
  const room = await the.server.createRoom({ title: 'Silence' });
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: false, camera: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', hertz: 440, camera: false });
  await hears(ada.page, 440, [1_000]);
  await ada.button('People (2)').click();
  await ada.button('What you can do with Bob').click();
  await ada.page.getByRole('menuitem', { name: 'Mute, and keep muted' }).click();
  await bob.button('Muted by the host').waitFor();
  await expect.poll(async () => (await loudnessOf(ada.page, [440], 600))[0], { timeout: 20_000 }).toBeLessThan(-70);

  await ada.button('What you can do with Bob').click();
  await ada.page.getByRole('menuitem', { name: 'Let them unmute' }).click();
  await bob.button('Unmute').click();
  await hears(ada.page, 440, [1_000]);
});

it('a host stops a camera, and its person may start it again', async () => {
  const room = await the.server.createRoom({ title: 'Curtain' });
  const ada = await the.comeIn(room.host, { name: 'Ada', microphone: false, camera: false });
  const bob = await the.comeIn(room.join, { name: 'Bob', microphone: false });
  await sees(ada.page, 'Bob', 2);
  await ada.button('People (2)').click();
  await ada.button('What you can do with Bob').click();
  await ada.page.getByRole('menuitem', { name: 'Stop the camera' }).click();
  await bob.button('Switch on the camera').click();
  await sees(ada.page, 'Bob', 2);
});

it('whoever joins without sound hears nothing, and can switch it on', async () => {
  const room = await the.server.createRoom({ title: 'Second screen' });
  await the.comeIn(room.host, { name: 'Ada', hertz: 440, camera: false });
  const bob = await the.open({ name: 'Bob', microphone: false, camera: false });
  await bob.page.goto(room.join);
  await bob.page.getByLabel('Your name').fill('Bob');
  await bob.page.getByRole('switch', { name: /Join without sound/ }).click();
  await bob.button('Join').click();
  await bob.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  expect((await loudnessOf(bob.page, [440], 2_000))[0]).toBeLessThan(-70);
});
