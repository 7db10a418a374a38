/** Coming and going many times in one page leaves nothing behind. `make bench` does it 200 times. */

import { expect, it } from 'vitest';
import { NOTHING_OPEN, countWhatIsOpen, whatIsOpen } from '../src/open';
import { story } from '../src/story';

const the = story();
const TIMES = 6;
const IN_A_MEETING = { sockets: 1, peers: 1, workers: 1, tracks: 2 };

it('nothing of a meeting is left when it is over, however often one comes and goes', async () => {
  const room = await the.server.createRoom({ title: 'Revolving door' });
  await the.comeIn(room.host, { name: 'Bob', hertz: 440 });
  const ada = await the.open({ name: 'Ada' });
  await countWhatIsOpen(ada.page);
  await ada.join(room.join);
  for (let time = 1; time <= TIMES; time += 1) {
    // Both devices, the link and the connection are there.
    await expect.poll(() => whatIsOpen(ada.page), { timeout: 30_000 }).toMatchObject(IN_A_MEETING);
    await ada.leave();
    await expect.poll(() => whatIsOpen(ada.page)).toEqual(NOTHING_OPEN);
    if (time < TIMES) await ada.joinAgain();
  }
});
