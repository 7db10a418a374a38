/** Pictures for the documentation, taken when they are asked for: by `scripts/pictures`. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { ROOT } from './server';

const TAKES_PICTURES = process.env['CONCLAVE_PICTURES'] !== undefined;
const PICTURES = join(ROOT, 'docs', 'pictures');

export async function picture(page: Page, name: string): Promise<void> {
  if (!TAKES_PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  // What the pointer stands on says what it is; and what has just come is still moving.
  await page.mouse.move(0, 0);
  await page.waitForTimeout(700);
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
