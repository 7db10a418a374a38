/** The same page in Firefox, together with Chromium. */

import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { hears } from '../src/ears';
import { sees } from '../src/eyes';
import { Firefox, firefoxIsThere, serverForFirefox } from '../src/firefox';
import { story } from '../src/story';

const the = story(serverForFirefox());
/** What Firefox's made-up microphone hears. */
const FIREFOX_HERTZ = 1_000;
const PICTURE = fileURLToPath(new URL('../../../target/browser/firefox-bob.png', import.meta.url));
const ENTER = '\uE007';

let bob: Firefox | undefined;

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await bob?.show(PICTURE).catch(() => undefined);
  await bob?.close();
  bob = undefined;
});

// A machine that tests every change must have it; anybody else is told.
it.skipIf(!firefoxIsThere && process.env['CI'] !== 'true')('Firefox and Chromium hear, see and read each other', async () => {
  const room = await the.server.createRoom({ title: 'Two browsers' });
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440 });
  bob = await Firefox.open('Bob');
  await bob.goto(room.join);
  await bob.type('textbox', 'Your name', 'Bob');
  await bob.click('button', 'Switch on the camera');
  await bob.click('button', 'Join');
  await bob.find('region', 'Meeting controls');
  await ada.button('People (2)').waitFor();

  await hears(bob, 440, [FIREFOX_HERTZ]);
  await hears(ada.page, FIREFOX_HERTZ, [440]);
  await sees(bob, 'Ada');
  await sees(ada.page, 'Bob');

  await ada.button(/^Chat/).click();
  await bob.click('button', 'Chat');
  await bob.type('textbox', 'Write to everybody', `from the fox${ENTER}`);
  const lines = ada.page.getByRole('region', { name: 'Messages' });
  await expect.poll(() => lines.innerText()).toContain('from the fox');
  await ada.page.getByLabel('Write to everybody').fill('and back');
  await ada.page.getByLabel('Write to everybody').press('Enter');
  const read = (): Promise<boolean> => bob!.evaluate(() => document.body.innerText.includes('and back'), null);
  await expect.poll(read).toBe(true);

  expect(bob.strayed, 'requests that left the server').toEqual([]);
  expect(bob.complaints, 'errors of the page').toEqual([]);
});
