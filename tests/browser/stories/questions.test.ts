/** A small lecture: questions are asked, voted for, let through and answered. */

import { expect, it } from 'vitest';
import { violations } from '../src/axe';
import { DEADLINE_MS, type Guest } from '../src/guest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;
/** Only ends a story that would fail anyway. */
const SOON = { timeout: DEADLINE_MS };

function panel(guest: Guest) {
  return guest.page.getByRole('complementary', { name: 'Side panel' });
}

function card(guest: Guest, words: string) {
  return guest.page.locator('[data-question]', { hasText: words });
}

async function ask(guest: Guest, words: string): Promise<void> {
  await panel(guest).getByLabel('Ask a question').fill(words);
  await panel(guest).getByRole('button', { name: 'Ask', exact: true }).click();
}

it('questions are asked, voted for, and answered in text or live', async () => {
  const room = await the.server.createRoom({ title: 'Waves', settings: { questions: { open: true, anonymous: true } } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const cyd = await the.comeIn(room.join, { name: 'Cyd', ...SILENT, viewport: { width: 375, height: 700 } });

  await bob.button(/^Questions/).click();
  await ask(bob, 'Why is the sea blue?');
  await bob.page.getByText('Your question is asked.').waitFor();

  // On a phone the panel is behind the menu; a banner and a number say that there is something.
  await cyd.page.getByText('Bob asks').waitFor();
  await cyd.button('More, 1 new').click();
  await cyd.page.getByRole('menuitem', { name: 'Questions, 1 new' }).click();
  await panel(cyd).getByRole('switch', { name: 'Without my name' }).check();
  await ask(cyd, 'And why is it salty?');
  await cyd.button('Vote for “And why is it salty?”, 0 votes').click();
  await bob.button('Vote for “And why is it salty?”, 1 vote').click();
  await card(cyd, 'salty').getByText('2', { exact: true }).waitFor();

  // By votes, then the older first; nobody is told whose it is.
  await ada.button('Questions, 2 new').click();
  await expect.poll(() => ada.page.locator('[data-question] .count').allInnerTexts(), SOON).toEqual(['2', '0']);
  await card(ada, 'salty').getByText('Anonymous').waitFor();
  expect(await card(ada, 'salty').innerText()).not.toContain('Cyd');

  await ada.button('Answer “Why is the sea blue?” in text').click();
  await ada.page.getByLabel('Your answer').fill('Water takes the red away.');
  await ada.button('Send the answer').click();
  await card(bob, 'blue').getByText('Water takes the red away.').waitFor();
  await ada.button('“And why is it salty?” was answered live').click();
  await card(cyd, 'salty').getByText(/^Answered live by Ada/).waitFor();

  // A vote and a question are taken back.
  await bob.button('Vote for “And why is it salty?”, 2 votes').click();
  await card(ada, 'salty').getByText('1', { exact: true }).waitFor();
  await bob.button('What you can do with “Why is the sea blue?”').click();
  await bob.page.getByRole('menuitem', { name: 'Take back' }).click();
  await card(ada, 'blue').waitFor({ state: 'detached' });

  const found = [
    ...(await violations(ada.page, 'questions, host')),
    ...(await violations(bob.page, 'questions, participant')),
    ...(await violations(cyd.page, 'questions, phone')),
  ];
  expect(found).toEqual([]);
});

it('where questions are reviewed they are seen when somebody has let them through, and told to who hears the page', async () => {
  const questions = { open: true, reviewed: true };
  const room = await the.server.createRoom({ title: 'Panel', settings: { questions } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const cyd = await the.comeIn(room.join, { name: 'Cyd', ...SILENT });
  const heard = (guest: Guest) => guest.page.getByRole('log');

  await bob.button(/^Questions/).click();
  await ask(bob, 'May I ask?');
  await card(bob, 'May I ask?').getByText('not let through yet').waitFor();
  await expect.poll(() => heard(ada).innerText(), SOON).toContain('Question of Bob, to let through: May I ask?');
  await ada.button(/^Questions/).click();
  await cyd.button(/^Questions/).click();
  expect(await card(cyd, 'May I ask?').count()).toBe(0);
  expect(await violations(ada.page, 'review')).toEqual([]);

  await ada.button('Let through “May I ask?”').click();
  await card(cyd, 'May I ask?').waitFor();
  await expect.poll(() => heard(bob).innerText(), SOON).toContain('Everybody sees your question now');
  await ada.button('What you can do with “May I ask?”').click();
  await ada.page.getByRole('menuitem', { name: 'Pin to the top' }).click();
  await card(cyd, 'May I ask?').getByText('pinned').waitFor();
  await ada.button('What you can do with “May I ask?”').click();
  await ada.page.getByRole('menuitem', { name: 'Hide from the others' }).click();
  await card(cyd, 'May I ask?').waitFor({ state: 'detached' });
  await card(bob, 'May I ask?').getByText('hidden from the others').waitFor();
});

it('questions need no mouse, and lead to what was written then', async () => {
  const room = await the.server.createRoom({ title: 'Keys', settings: { questions: { open: true } } });
  const ada = await the.comeIn(room.host, { name: 'Ada', ...SILENT });
  const bob = await the.comeIn(room.join, { name: 'Bob', ...SILENT });
  const { keyboard } = bob.page;
  /** Tabs until what has the focus is called so. */
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let step = 0; step < 60; step += 1) {
      const called = await bob.page.evaluate(() => {
        const element = document.activeElement;
        return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
      });
      if (name.test(called.trim())) return;
      await keyboard.press('Tab');
    }
    throw new Error(`the focus does not come to ${name.source}`);
  };

  await ada.button(/^Chat/).click();
  await ada.page.getByLabel('Write to everybody').fill('Slide seven');
  await ada.page.getByLabel('Write to everybody').press('Enter');
  await keyboard.press('q');
  await tabTo(/^Ask a question$/);
  await keyboard.type('What is on slide seven?');
  await keyboard.press('Enter');
  await card(bob, 'slide seven').waitFor();
  await keyboard.press('Escape');
  await keyboard.press('q');
  await tabTo(/^Vote for “What is on slide seven\?”/);
  await keyboard.press('Enter');
  await bob.page.locator('[data-question] [aria-pressed="true"]').waitFor();
  await tabTo(/^Show what was written at/);
  await keyboard.press('Enter');
  const line = bob.page.locator('li[data-line]', { hasText: 'Slide seven' });
  await line.waitFor();
  await expect.poll(() => line.evaluate((element) => element === document.activeElement), SOON).toBe(true);
  await keyboard.press('Escape');
  await panel(bob).waitFor({ state: 'detached' });
});
