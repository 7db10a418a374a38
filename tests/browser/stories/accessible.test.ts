/** Every screen passes axe in both themes, and a meeting needs no mouse. */

import { expect, it } from 'vitest';
import { violations } from '../src/axe';
import type { Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

async function openPanel(guest: Guest, name: RegExp): Promise<void> {
  await guest.button(name).click();
}

it('no screen has a violation of WCAG 2.1 AA that a machine can find', async () => {
  const room = await the.server.createRoom({ title: 'For everybody' });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const ada = await the.open({ name: 'Ada', ...SILENT });
  const { page } = ada;
  const found: string[] = [];
  const look = async (screen: string): Promise<void> => {
    found.push(...(await violations(page, screen)));
  };

  await page.goto(the.server.origin);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await look('front page');
  await page.goto(`${the.server.origin}/r/there-is-no-such-room`);
  await page.getByRole('heading', { name: 'There is no such room' }).waitFor();
  await look('no such room');
  await page.goto(room.host);
  await page.getByLabel('Your name').waitFor();
  await look('before the door');
  await ada.join(room.host);
  await bob.button(/^Chat/).click();
  await bob.page.getByLabel('Write to everybody').fill('A line with *bold* and `code` and https://127.0.0.1/');
  await bob.page.getByLabel('Write to everybody').press('Enter');
  await look('meeting');
  for (const panel of [/^People/, /^Chat/, /^Files/]) {
    await openPanel(ada, panel);
    await look(`meeting with ${panel.source}`);
  }
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await look('shortcuts');
  await page.keyboard.press('Escape');
  await ada.button('Leave').click();
  await page.getByRole('dialog').waitFor();
  await look('leaving');
  await page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByRole('heading', { name: 'You have left' }).waitFor();
  await look('ended');
  // Rooms that are not listed, or not there, answer so, which browsers write down.
  ada.expectComplaints(/40[34]/);
  expect(found).toEqual([]);
});

it('a meeting is possible with the keyboard alone, from the link to leaving', async () => {
  const room = await the.server.createRoom({ title: 'Keys' });
  const bob = await the.comeIn(room.host, { name: 'Bob', ...SILENT });
  const ada = await the.open({ name: 'Ada' });
  const { page } = ada;
  const key = page.keyboard;
  /** Tabs until what has the focus is called so. */
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let step = 0; step < 60; step += 1) {
      const called = await page.evaluate(() => {
        const element = document.activeElement;
        const label = element?.id ? document.querySelector(`label[for="${element.id}"]`)?.textContent : undefined;
        return `${element?.getAttribute('aria-label') ?? ''} ${label ?? ''} ${element?.textContent ?? ''}`.trim();
      });
      if (name.test(called)) return;
      await key.press('Tab');
    }
    throw new Error(`the focus does not come to ${name.source}`);
  };

  await page.goto(room.join);
  await page.getByLabel('Your name').waitFor();
  await tabTo(/^Your name/);
  await key.press('ControlOrMeta+a');
  await key.type('Ada');
  await key.press('Enter');
  await page.getByRole('region', { name: 'Meeting controls' }).waitFor();

  await key.press('m');
  await ada.button('Mute').or(ada.button('Unmute')).waitFor();
  await key.press('h');
  await ada.button('Lower your hand').waitFor();
  await key.press('c');
  await page.getByLabel('Write to everybody').waitFor();
  await key.type('by keys alone');
  await key.press('Enter');
  await bob.button(/^Chat/).click();
  await expect.poll(() => bob.page.getByRole('region', { name: 'Messages' }).innerText()).toContain('by keys alone');
  await key.press('Escape');
  await tabTo(/^Leave$/);
  await key.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(/^Leave$/);
  await key.press('Enter');
  await page.getByRole('heading', { name: 'You have left' }).waitFor();
});
