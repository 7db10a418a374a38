/** The main screens on screens of all sizes, as they are shown in the documentation. */

import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { sees } from '../src/eyes';
import type { Guest } from '../src/guest';
import { picture } from '../src/pictures';
import { story } from '../src/story';

const the = story();
const DESK = { width: 1_280, height: 760 };
/** The smallest phone upright, and one on its side. */
const PHONES = [
  { width: 320, height: 568 },
  { width: 844, height: 390 },
];
const WALL = { width: 3_840, height: 2_160 };

/** What is too wide on phones, and with letters of twice the size. */
async function misfits(page: Page, screen: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (how: string): Promise<void> => {
    const wider = await page.evaluate(async () => {
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      return document.documentElement.scrollWidth - document.documentElement.clientWidth;
    });
    if (wider > 0) found.push(`${screen} is ${wider} px too wide at ${how}`);
  };
  for (const size of PHONES) {
    await page.setViewportSize(size);
    await look(`${size.width} x ${size.height}`);
  }
  await page.setViewportSize(DESK);
  await page.evaluate(() => {
    document.documentElement.style.fontSize = '200%';
  });
  await look('letters of twice the size');
  await page.evaluate(() => {
    document.documentElement.style.fontSize = '';
  });
  return found;
}

async function controlsFit(guest: Guest): Promise<void> {
  for (const size of [...PHONES, WALL]) {
    await guest.page.setViewportSize(size);
    for (const name of [/^(Mute|Unmute)$/, /^Leave$/]) {
      const box = await guest.button(name).boundingBox();
      const isSeen = box !== null && box.x >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height;
      expect(isSeen, `${name.source} is out of sight at ${size.width} x ${size.height}`).toBe(true);
    }
  }
  await guest.page.setViewportSize(DESK);
}

it('every main screen fits from the smallest phone to a wall, and with large letters', async () => {
  const room = await the.server.createRoom({ title: 'Maths 3b' });
  const ada = await the.open({ name: 'Ada', hertz: 440, portrait: 0, viewport: DESK });
  const { page } = ada;
  await pretendSlide(page);
  const found: string[] = [];
  await page.goto(the.server.origin);
  await page.getByRole('heading', { level: 1 }).waitFor();
  found.push(...(await misfits(page, 'the front page')));

  await page.goto(room.host);
  await page.getByLabel('Your name').fill('Ada');
  await ada.button('Switch on the camera').click();
  await ada.button('Switch off the camera').waitFor();
  await page.locator('canvas').first().waitFor();
  await picture(page, 'before-the-door');
  found.push(...(await misfits(page, 'the page before the door')));
  // Rooms that are not listed answer so, which browsers write down.
  ada.expectComplaints(/403/);

  await ada.button('Join').click();
  await page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  const bob = await the.comeIn(room.join, { name: 'Bob', hertz: 1_000, portrait: 1 });
  const cyd = await the.comeIn(room.join, { name: 'Cyd', microphone: false, portrait: 2 });
  for (const name of ['Bob', 'Cyd']) await sees(page, name, 2);
  await cyd.button('Raise your hand').click();
  await page.getByText('Cyd raised a hand').first().waitFor();
  await pictureInBothThemes(page, 'meeting');

  await ada.button(/^Chat/).click();
  await write(ada, 'The sheet is in *Files*, see page 3: `a² + b² = c²`');
  await bob.button(/^Chat/).click();
  await write(bob, 'Found it, thank you');
  await page.getByText('Found it, thank you').first().waitFor();
  await picture(page, 'chat');
  found.push(...(await misfits(page, 'the meeting with chat')));

  await ada.button(/^People/).click();
  await ada.button('What you can do with Bob').waitFor();
  await picture(page, 'people');
  found.push(...(await misfits(page, 'the meeting with people')));
  await ada.button('Close').first().click();

  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, 'phone');
  found.push(...(await misfits(page, 'the meeting')));
  await controlsFit(ada);

  await page.setViewportSize(DESK);
  await ada.button('Share a screen').click();
  const slide = cyd.page.getByRole('group', { name: /^Screen of Ada/ });
  const paper = (): Promise<number> =>
    slide.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.getContext('2d')?.getImageData(1_200, 40, 1, 1).data[0] ?? 0);
  // Until it comes it is black.
  await expect.poll(paper, { timeout: 30_000 }).toBeGreaterThan(200);
  await cyd.page.setViewportSize(DESK);
  await picture(cyd.page, 'screen');
  await cyd.page.setViewportSize({ width: 390, height: 844 });
  // An upright phone has no bands above and below the screen: 366 of its pixels across are 206 down.
  await expect.poll(async () => Math.round(((await slide.boundingBox())?.height ?? 0) / 10)).toBe(21);
  await picture(cyd.page, 'screen-phone');
  expect(found).toEqual([]);
});

/** A display with one slide on it. */
async function pretendSlide(page: Page): Promise<void> {
  await page.addInitScript(() => {
    navigator.mediaDevices.getDisplayMedia = async () => {
      const canvas = document.createElement('canvas');
      canvas.width = 1_280;
      canvas.height = 720;
      const context = canvas.getContext('2d', { alpha: false })!;
      context.fillStyle = '#fbfaf6';
      context.fillRect(0, 0, 1_280, 720);
      context.fillStyle = '#0a6670';
      context.font = '600 60px sans-serif';
      context.fillText('The squares on the sides', 80, 130);
      context.fillStyle = '#1c2024';
      context.font = '34px sans-serif';
      ['In a right-angled triangle', 'the squares on the two short sides', 'are together as large as', 'the square on the longest.'].forEach(
        (line, at) => context.fillText(line, 80, 250 + 56 * at),
      );
      context.font = 'italic 52px serif';
      context.fillText('a² + b² = c²', 80, 560);
      context.lineWidth = 5;
      context.strokeStyle = '#0a6670';
      context.fillStyle = '#dceef0';
      context.beginPath();
      context.moveTo(780, 560);
      context.lineTo(1_160, 560);
      context.lineTo(780, 275);
      context.closePath();
      context.fill();
      context.stroke();
      context.strokeRect(780, 525, 35, 35);
      return canvas.captureStream(5);
    };
  });
}

async function write(guest: Guest, words: string): Promise<void> {
  await guest.page.getByLabel('Write to everybody').fill(words);
  await guest.page.getByLabel('Write to everybody').press('Enter');
}

async function pictureInBothThemes(page: Page, name: string): Promise<void> {
  await picture(page, name);
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light' });
}
