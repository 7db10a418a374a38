/**
 * What was sent a moment ago, in case somebody has lost it: for 200 ms, each fragment at most twice, and
 * at most 15 % of what was sent.
 */

import type { Layer } from '../../../wire';
import { CAMERA_FRAME_BYTES_MAX, type ReRequest } from '../protocol/datagram';
import { ASKS_MAX, FRAME_LIFE_MS } from './assemble';

/** Bytes kept: two of the largest frames. */
const CACHE_BYTES_MAX = 2 * CAMERA_FRAME_BYTES_MAX;
/** Repetitions, in hundredths of what was sent. */
const RESEND_PERCENT_MAX = 15;
/** Bytes of repetitions that may be saved up for a bad moment. */
const CREDIT_BYTES_MAX = 256 * 1024;

interface Kept {
  message: Uint8Array<ArrayBuffer>;
  sentMs: number;
  again: number;
}

export class SentLately {
  /** In the order of sending, which is that of a `Map`. */
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;
  private creditBytes = 0;

  /** Keeps a fragment's message that is being sent; the oldest go when there is no room. */
  keep(layer: Layer, frame: number, index: number, message: Uint8Array<ArrayBuffer>, nowMs: number): void {
    this.expire(nowMs);
    this.creditBytes = Math.min(
      this.creditBytes + (message.byteLength * RESEND_PERCENT_MAX) / 100,
      CREDIT_BYTES_MAX,
    );
    this.kept.set(key(layer, frame, index), { message, sentMs: nowMs, again: 0 });
    this.bytes += message.byteLength;
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= CACHE_BYTES_MAX) break;
      this.drop(oldest);
    }
  }

  /** The messages to send once more. */
  answer(request: ReRequest, nowMs: number): Uint8Array<ArrayBuffer>[] {
    this.expire(nowMs);
    const messages: Uint8Array<ArrayBuffer>[] = [];
    for (const index of request.indices) {
      const kept = this.kept.get(key(request.layer, request.frame, index));
      if (kept === undefined || kept.again >= ASKS_MAX || kept.message.byteLength > this.creditBytes) continue;
      kept.again += 1;
      this.creditBytes -= kept.message.byteLength;
      messages.push(kept.message);
    }
    return messages;
  }

  private expire(nowMs: number): void {
    for (const [oldest, { sentMs }] of this.kept) {
      if (nowMs - sentMs < FRAME_LIFE_MS) break;
      this.drop(oldest);
    }
  }

  private drop(oldest: string): void {
    this.bytes -= this.kept.get(oldest)?.message.byteLength ?? 0;
    this.kept.delete(oldest);
  }
}

function key(layer: Layer, frame: number, index: number): string {
  return `${layer} ${frame} ${index}`;
}
