/** One WebSocket to `/ws`: messages in, messages out, and its end told once. */

import type { ClientMessage, ServerMessage } from '../../../wire';

const SUBPROTOCOL = 'conclave.1.json';
/** What may wait in the socket: more means that nothing gets through. */
const BUFFERED_BYTES_MAX = 1024 * 1024;

export interface ControlEvents {
  opened(): void;
  message(message: ServerMessage): void;
  /** The last of them. */
  closed(): void;
}

/** Words that not every server knows yet come through the same door as the others. */
export class ControlLink {
  private readonly socket: WebSocket;
  private ended = false;

  constructor(url: string, events: ControlEvents) {
    this.socket = new WebSocket(url, SUBPROTOCOL);
    this.socket.addEventListener('open', () => {
      if (!this.ended) events.opened();
    });
    this.socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (this.ended) return;
      const message = typeof data === 'string' ? parse(data) : undefined;
      // A server that cannot be understood is no better than none.
      if (message === undefined) this.cut();
      else events.message(message);
    });
    this.socket.addEventListener('close', () => {
      if (!this.ended) {
        this.ended = true;
        events.closed();
      }
    });
    this.cut = () => {
      if (this.ended) return;
      this.ended = true;
      this.socket.close();
      events.closed();
    };
  }

  /** Ends the link; `closed` is told before this returns. */
  readonly cut: () => void;

  /** Ends the link without a word to the owner. */
  close(): void {
    this.ended = true;
    this.socket.close();
  }

  send(message: ClientMessage): void {
    if (this.ended || this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > BUFFERED_BYTES_MAX) return this.cut();
    this.socket.send(JSON.stringify(message));
  }
}

function parse(text: string): ServerMessage | undefined {
  try {
    const message: unknown = JSON.parse(text);
    // The server is trusted with the shape of what it says: it is the one that this page came from.
    return typeof message === 'object' && message !== null && 'type' in message
      ? (message as ServerMessage)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Where the WebSockets of a server are; null is the server that this page came from. */
export function socketUrl(path: string, base: string): string {
  const url = new URL(path, base);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}
