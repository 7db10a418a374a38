/** Coming and going many times in one page leaves nothing behind. */

import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { story } from '../src/story';

const the = story();
const TIMES = 8;

interface Open {
  sockets: number;
  peers: number;
  audio: number;
  workers: number;
  tracks: number;
}

/** Counts what a page has opened and not closed. */
async function count(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const sockets = new Set<WebSocket>();
    const peers = new Set<RTCPeerConnection>();
    const audio = new Set<AudioContext>();
    const workers = new Set<Worker>();
    const tracks = new Set<MediaStreamTrack>();
    const real = { WebSocket, RTCPeerConnection, AudioContext, Worker };
    window.WebSocket = class extends real.WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        sockets.add(this);
      }
    };
    window.RTCPeerConnection = class extends real.RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        peers.add(this);
      }
    };
    window.AudioContext = class extends real.AudioContext {
      constructor(options?: AudioContextOptions) {
        super(options);
        audio.add(this);
      }
    };
    window.Worker = class extends real.Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        workers.add(this);
      }
      override terminate(): void {
        workers.delete(this);
        super.terminate();
      }
    };
    const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => {
      const stream = await getUserMedia(wish);
      for (const track of stream.getTracks()) tracks.add(track);
      return stream;
    };
    Object.assign(window, {
      conclaveOpen: (): Open => ({
        sockets: [...sockets].filter(({ readyState }) => readyState < WebSocket.CLOSING).length,
        peers: [...peers].filter(({ connectionState }) => connectionState !== 'closed').length,
        audio: [...audio].filter(({ state }) => state !== 'closed').length,
        workers: workers.size,
        tracks: [...tracks].filter(({ readyState }) => readyState === 'live').length,
      }),
    });
  });
}

function open(page: Page): Promise<Open> {
  return page.evaluate(() => (window as never as { conclaveOpen(): Open }).conclaveOpen());
}

it('nothing of a meeting is left when it is over, however often one comes and goes', async () => {
  const room = await the.server.createRoom({ title: 'Revolving door' });
  const ada = await the.open({ name: 'Ada' });
  await count(ada.page);
  await ada.join(room.host);
  await ada.page.locator('li[data-person] canvas').waitFor();
  expect(await open(ada.page)).toMatchObject({ sockets: 1, workers: 1, tracks: 2 });
  for (let time = 1; time <= TIMES; time += 1) {
    await ada.button('Leave').click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
    await ada.page.getByRole('heading', { name: 'You have left' }).waitFor();
    await expect.poll(() => open(ada.page)).toEqual({ sockets: 0, peers: 0, audio: 0, workers: 0, tracks: 0 });
    if (time === TIMES) break;
    await ada.button('Join again').click();
    await ada.button('Join').click();
    await ada.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  }
});
