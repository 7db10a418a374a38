/**
 * The bridge of the desktop program. The client is in Rust; this file carries its words, and is the only one
 * that knows the program round the window.
 */

import { Channel, convertFileSrc, invoke } from '@tauri-apps/api/core';
import { desktopBridge } from './tauri/bridge';
import type { Ask, Port, Told } from './tauri/words';

const listeners = new Set<(told: Told) => void>();
const channel = new Channel<Told>();
channel.onmessage = (told) => {
  for (const listener of listeners) listener(told);
};
/** From now on everything is told to this page. */
const listening = invoke('listen', { channel });

const port: Port = {
  async ask<T>(ask: Ask): Promise<T> {
    await listening;
    return invoke<T>('ask', { ask });
  },
  async piece(id, bytes) {
    await invoke('take_piece', bytes, { headers: { 'file-id': String(id) } });
  },
  listen(listener) {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  },
  // `media` is the scheme that client-tauri/app answers.
  pictures: convertFileSrc('newest', 'media'),
};

export const bridge = desktopBridge(port);
