/** What a machine can find against WCAG 2.1 AA on a page. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const PATH = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds on the page as it is now, in both themes. */
export async function violations(page: Page, screen: string): Promise<string[]> {
  const axe = await readFile(PATH, 'utf8');
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // Colours that are still on their way to the other theme are no colours of the page; where they are inherited,
    // the end of one transition is the beginning of the next.
    await page.evaluate(async () => {
      const ending = (): Animation[] =>
        document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
      for (let quiet = 0, frames = 0; quiet < 2 && frames < 100; frames += 1) {
        await new Promise(requestAnimationFrame);
        const running = ending();
        await Promise.allSettled(running.map((animation) => animation.finished));
        quiet = running.length === 0 ? quiet + 1 : 0;
      }
    });
    await page.evaluate(axe);
    const list = await page.evaluate(async (rules) => {
      const { axe } = window as never as { axe: { run(of: Document, how: object): Promise<{ violations: Violation[] }> } };
      return (await axe.run(document, { runOnly: { type: 'tag', values: rules } })).violations;
    }, RULES);
    for (const { id, nodes } of list) {
      for (const { html, failureSummary } of nodes) found.push(`${screen}, ${colorScheme}: ${id}: ${html}\n${failureSummary ?? ''}`);
    }
  }
  return found;
}
