/** What a page has opened and not closed. */

import type { Page } from 'playwright-core';

export interface Open {
  sockets: number;
  peers: number;
  audio: number;
  workers: number;
  tracks: number;
  bitmaps: number;
}

export const NOTHING_OPEN: Open = { sockets: 0, peers: 0, audio: 0, workers: 0, tracks: 0, bitmaps: 0 };

/** Call it before the page is opened. */
export async function countWhatIsOpen(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const sockets = new Set<WebSocket>();
    const peers = new Set<RTCPeerConnection>();
    const audio = new Set<AudioContext>();
    const workers = new Set<Worker>();
    const tracks = new Set<MediaStreamTrack>();
    let bitmaps = 0;
    // What is closed is let go of, so that the counting itself keeps nothing.
    const open = (): Open => {
      for (const socket of sockets) if (socket.readyState >= WebSocket.CLOSING) sockets.delete(socket);
      for (const peer of peers) if (peer.connectionState === 'closed') peers.delete(peer);
      for (const context of audio) if (context.state === 'closed') audio.delete(context);
      for (const track of tracks) if (track.readyState === 'ended') tracks.delete(track);
      return {
        sockets: sockets.size,
        peers: peers.size,
        audio: audio.size,
        workers: workers.size,
        tracks: tracks.size,
        bitmaps,
      };
    };
    const real = { WebSocket, RTCPeerConnection, AudioContext, Worker, createImageBitmap };
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
    const close = ImageBitmap.prototype.close;
    ImageBitmap.prototype.close = function (this: ImageBitmap): void {
      if (this.width > 0) bitmaps -= 1;
      close.call(this);
    };
    const make = real.createImageBitmap as (...given: unknown[]) => Promise<ImageBitmap>;
    Object.assign(window, {
      createImageBitmap: async (...given: unknown[]) => {
        const bitmap = await make(...given);
        bitmaps += 1;
        return bitmap;
      },
    });
    const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => {
      const stream = await getUserMedia(wish);
      for (const track of stream.getTracks()) tracks.add(track);
      return stream;
    };
    Object.assign(window, { conclaveOpen: open });
  });
}

export function whatIsOpen(page: Page): Promise<Open> {
  return page.evaluate(() => (window as never as { conclaveOpen(): Open }).conclaveOpen());
}
