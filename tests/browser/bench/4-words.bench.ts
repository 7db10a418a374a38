/** From the key that sends a line to the line in another's page; and the weight of the page. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ROOT } from '../src/server';
import { story } from '../src/story';
import { Measured, QUICK } from './figures';

const LINES = QUICK ? 10 : 100;
const PAUSE_MS = 150;
const SILENT = { microphone: false, camera: false } as const;

const the = story();

interface Noted {
  words: string;
  at: number;
}

it('chat', async () => {
  const room = await the.server.createRoom({ title: 'Words' });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  for (const { button } of [ada, bob].map((guest) => ({ button: guest.button(/^Chat/) }))) await button.click();
  const field = ada.page.getByLabel('Write to everybody');
  await field.waitFor();
  await ada.page.evaluate(() => {
    const noted: Noted[] = [];
    Object.assign(window, { conclaveTyped: noted });
    const note = ({ key, target }: KeyboardEvent): void => {
      if (key === 'Enter' && target instanceof HTMLTextAreaElement) noted.push({ words: target.value, at: Date.now() });
    };
    document.addEventListener('keydown', note, { capture: true });
  });
  await bob.page.evaluate(() => {
    const noted: Noted[] = [];
    Object.assign(window, { conclaveRead: noted });
    const known = new Set<string>();
    const look = (): void => {
      const found = document.querySelector('[role=region][aria-label=Messages], section[aria-label=Messages]');
      for (const words of (found ?? document.body).textContent.match(/line-\d+-end/g) ?? []) {
        if (known.has(words)) continue;
        known.add(words);
        requestAnimationFrame(() => noted.push({ words, at: Date.now() }));
      }
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  for (let line = 0; line < LINES; line += 1) {
    await field.fill(`line-${line}-end`);
    await field.press('Enter');
    await ada.page.waitForTimeout(PAUSE_MS);
  }
  const read = (): Promise<Noted[]> => bob.page.evaluate(() => (window as never as { conclaveRead: Noted[] }).conclaveRead);
  await expect.poll(async () => (await read()).length, { timeout: 20_000 }).toBe(LINES);
  const typed = await ada.page.evaluate(() => (window as never as { conclaveTyped: Noted[] }).conclaveTyped);
  const shownAt = new Map((await read()).map(({ words, at }) => [words, at]));
  const times = typed.map(({ words, at }) => (shownAt.get(words) ?? NaN) - at);

  const measured = new Measured();
  const p95 = measured.times('a line of chat, from the key to the other page', times);
  measured.atMost('Page: chat, typed to shown: p95', 50, p95, 'ms', 'two browsers paint in software on the same two cores');
  const bytes = await scriptBytes();
  measured.row('script that the page begins with, compressed with gzip', `${(bytes / 1_000).toFixed(1)} kB`);
  measured.atMost('Page: script, compressed', 200, bytes / 1_000, 'kB', 'it grew');
  await measured.write('4-words');
});

/** Of what a page loads before anybody has asked for anything, as `ui/tools/size.js` counts it. */
async function scriptBytes(): Promise<number> {
  const { stdout } = await promisify(execFile)('node', [join(ROOT, 'ui', 'tools', 'size.js')]);
  const bytes = /(\d+) +bytes of script at first/.exec(stdout)?.[1];
  if (bytes === undefined) throw new Error(`what does this mean: ${stdout}`);
  return Number(bytes);
}
