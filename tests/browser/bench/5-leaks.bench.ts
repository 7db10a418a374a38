/** 200 times into a meeting and out again, in one page: what is left over. */

import { expect, it } from 'vitest';
import type { CDPSession } from 'playwright-core';
import { NOTHING_OPEN, countWhatIsOpen, whatIsOpen } from '../src/open';
import { story } from '../src/story';
import { Measured, QUICK } from './figures';

const ROUNDS = QUICK ? 12 : 200;
/** In the first ones caches fill, and what is run often is compiled anew. */
const WARM = QUICK ? 4 : 100;
const WHY = 'something keeps what a meeting has left';

const the = story();

interface Kept {
  heapBytes: number;
  nodes: number;
  listeners: number;
}

/** What is kept after everything that nobody holds was given back. */
async function kept(developer: CDPSession): Promise<Kept> {
  for (let time = 0; time < 3; time += 1) await developer.send('HeapProfiler.collectGarbage');
  const { metrics } = await developer.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? NaN;
  return { heapBytes: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

it('200 joins and leaves', async () => {
  const room = await the.server.createRoom({ title: 'Revolving door' });
  await the.comeIn(room.host, { name: 'Bob', hertz: 440 });
  const ada = await the.open({ name: 'Ada' });
  await countWhatIsOpen(ada.page);
  const developer = await ada.context.newCDPSession(ada.page);
  await developer.send('Performance.enable');
  await developer.send('HeapProfiler.enable');
  await ada.join(room.join);
  let warm: Kept | undefined;
  let leftOpen = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Until somebody was seen, not everything has been opened.
    await ada.page.locator('li[data-person]', { hasText: 'Bob' }).locator('canvas').waitFor();
    await ada.leave();
    await expect.poll(() => whatIsOpen(ada.page), { timeout: 5_000 }).toEqual(NOTHING_OPEN).catch(() => {
      leftOpen += 1;
    });
    if (round === WARM) warm = await kept(developer);
    if (round < ROUNDS) await ada.joinAgain();
  }
  const last = await kept(developer);
  if (warm === undefined) throw new Error('no round was warm');

  const measured = new Measured();
  const rounds = ROUNDS - WARM;
  const grownBytes = (last.heapBytes - warm.heapBytes) / rounds;
  measured.row(`heap after ${WARM} and after ${ROUNDS} rounds, garbage collected`, `${mb(warm.heapBytes)} and ${mb(last.heapBytes)}`);
  measured.row('nodes of the page', `${warm.nodes} and ${last.nodes}`);
  measured.row('listeners', `${warm.listeners} and ${last.listeners}`);
  measured.atMost('Page: rounds of 200 that left a connection, socket, worker, context, track or picture open', 0, leftOpen, 'rounds', WHY);
  measured.atMost('Page: nodes kept for each join and leave, of the second hundred', 0.5, Math.max(last.nodes - warm.nodes, 0) / rounds, 'nodes', WHY);
  measured.atMost('Page: listeners kept for each join and leave, of the second hundred', 0.5, Math.max(last.listeners - warm.listeners, 0) / rounds, 'listeners', WHY);
  measured.atMost('Page: heap kept for each join and leave, of the second hundred', 5, Math.max(grownBytes, 0) / 1_000, 'kB', WHY);
  await measured.write('5-leaks');
});

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
