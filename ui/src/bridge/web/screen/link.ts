/** The WebSocket of a screen, opened again when it is lost. Used by the page and by workers. */

import type { Refusal, RefusalCode } from '../../../wire';
import { Backoff } from '../link/backoff';

/** A link that is lost is opened again for so long. The seat is kept for 30 s. */
const RETRY_FOR_MS = 60_000;

/** What it takes to open a link; the token is that of the newest welcome. */
export interface ScreenAccess {
  url: string;
  slug: string;
  seatToken: string;
}

export interface ScreenLinkEvents {
  /** A new socket, on which nothing was sent or taken yet. */
  opened(): void;
  message(message: Uint8Array<ArrayBuffer>): void;
  lost(): void;
  /** It is over: the server says why, or nothing when it cannot be reached any more. */
  ended(refusal: Refusal | undefined): void;
}

/** After these the same link may be taken a moment later. */
const MAY_PASS: readonly RefusalCode[] = ['seat_unknown', 'busy', 'timeout', 'stopping', 'too_many_connections'];

export class ScreenLink {
  private socket: WebSocket | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private lostSinceMs: number | undefined;
  private refusal: Refusal | undefined;
  private over = false;
  private readonly backoff = new Backoff();

  constructor(
    private readonly access: () => ScreenAccess,
    private readonly purpose: 'present' | 'view',
    private readonly events: ScreenLinkEvents,
  ) {
    this.open();
  }

  /** Bytes that the network has not taken yet. */
  get buffered(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  /** The link does not do what it should: another one. */
  cut(): void {
    this.socket?.close();
  }

  close(): void {
    this.over = true;
    clearTimeout(this.retryTimer);
    this.socket?.close();
  }

  private open(): void {
    const { url, slug, seatToken } = this.access();
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.refusal = undefined;
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ slug, seat_token: seatToken, purpose: this.purpose }));
      if (!this.over) this.events.opened();
    });
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (this.over) return;
      if (data instanceof ArrayBuffer) {
        this.backoff.succeeded();
        this.lostSinceMs = undefined;
        this.events.message(new Uint8Array(data));
      } else if (typeof data === 'string') {
        this.refusal = parseRefusal(data);
      }
    });
    socket.addEventListener('close', () => this.closed());
  }

  private closed(): void {
    if (this.over) return;
    if (this.refusal !== undefined && !MAY_PASS.includes(this.refusal.code)) {
      return this.end(this.refusal);
    }
    const nowMs = performance.now();
    this.lostSinceMs ??= nowMs;
    if (nowMs - this.lostSinceMs >= RETRY_FOR_MS) return this.end(undefined);
    this.events.lost();
    this.retryTimer = setTimeout(() => this.open(), this.backoff.nextWaitMs(Math.random()));
  }

  private end(refusal: Refusal | undefined): void {
    this.over = true;
    this.events.ended(refusal);
  }
}

function parseRefusal(text: string): Refusal | undefined {
  try {
    const refusal: unknown = JSON.parse(text);
    return typeof refusal === 'object' && refusal !== null && 'code' in refusal
      ? (refusal as Refusal)
      : undefined;
  } catch {
    return undefined;
  }
}
