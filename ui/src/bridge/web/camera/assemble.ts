/**
 * Puts fragments together again, and says which ones to ask for once more: the rules of
 * `media::assemble` in conclave-core, with the time in milliseconds as an input.
 */

import { isAfter } from '../protocol/bytes';
import {
  CAMERA_FRAME_BYTES_MAX,
  FRAGMENTS_MAX,
  FRAGMENT_PAYLOAD_BYTES_MAX,
  RE_REQUEST_INDICES_MAX,
  type Fragment,
} from '../protocol/datagram';

/** A frame that is not whole so long after its first fragment is given up. */
export const FRAME_LIFE_MS = 200;
/** How often one fragment is asked for, and how often it is sent again to one viewer. */
export const ASKS_MAX = 2;
/** Frames of one layer that are put together at the same time. */
const FRAMES_BUILDING_MAX = 4;
/** Bytes held for them: two of the largest. */
const BUILDING_BYTES_MAX = 2 * CAMERA_FRAME_BYTES_MAX;
/** A gap may be mere reordering; it is waited for so long. */
const REORDERING_MS = 10;
/** When nothing more of a frame comes, its tail is lost. */
const TAIL_SILENCE_MS = 20;
/** An answer to a re-request takes a round trip; after this it is lost as well. */
const ASK_AGAIN_MS = 50;
/** After so long without a fragment an older number is a publisher that has started anew. */
const RESTART_SILENCE_MS = 2_000;

export interface WholeFrame {
  frame: number;
  capturedMs: number;
  jpeg: Uint8Array<ArrayBuffer>;
}

/** Fragments to ask for. */
export interface Missing {
  frame: number;
  indices: number[];
}

export interface AssemblerFigures {
  complete: number;
  /** Given up because they were not whole in time, or a newer one was. */
  dropped: number;
  /** Fragments that were asked for at least once. */
  missed: number;
  /** Fragments that came after they were asked for. */
  recovered: number;
  /** Fragments that contradict their frame or are out of bounds. */
  malformed: number;
}

/**
 * Assembles the frames of one layer of one source. Fragments may come in any order, twice, or never; what
 * comes out is whole, and never older than what came out before.
 */
export class FrameAssembler {
  /** Oldest first. */
  private building: Building[] = [];
  private passed: number | undefined;
  private lastArrivalMs = 0;
  readonly figures: AssemblerFigures = { complete: 0, dropped: 0, missed: 0, recovered: 0, malformed: 0 };

  /** Takes a fragment in. Gives the frame that it completes. */
  insert(fragment: Fragment, nowMs: number): WholeFrame | undefined {
    if (!isSound(fragment)) {
      this.figures.malformed += 1;
      return undefined;
    }
    this.forgetAfterSilence(nowMs);
    this.lastArrivalMs = nowMs;
    if (this.passed !== undefined && !isAfter(fragment.frame, this.passed)) return undefined;
    const at = this.place(fragment, nowMs);
    const frame = at === undefined ? undefined : this.building[at];
    if (at === undefined || frame === undefined) return undefined;
    const inserted = frame.insert(fragment, nowMs);
    if (inserted === 'recovered') this.figures.recovered += 1;
    if (inserted === 'contradiction') this.figures.malformed += 1;
    if (frame.isWhole) return this.giveOut(at, frame);
    for (const older of this.building.slice(0, at)) older.expectAll(nowMs);
    while (this.heldBytes > BUILDING_BYTES_MAX) this.giveUpOldest();
    return undefined;
  }

  /** Gives up frames whose life is over and gives what is to be asked for now. */
  wake(nowMs: number): Missing[] {
    // A frame that dies takes those before it along: they were not to come out after it.
    while (this.building.some((frame) => frame.diesAtMs <= nowMs)) this.giveUpOldest();
    const missing: Missing[] = [];
    for (const frame of this.building) {
      const { indices, first } = frame.ask(nowMs);
      this.figures.missed += first;
      for (let at = 0; at < indices.length; at += RE_REQUEST_INDICES_MAX) {
        missing.push({ frame: frame.number, indices: indices.slice(at, at + RE_REQUEST_INDICES_MAX) });
      }
    }
    return missing;
  }

  /** When `wake` has something to do; infinity when nothing is being built. */
  get nextWakeMs(): number {
    return this.building.reduce((least, frame) => Math.min(least, frame.nextWakeMs()), Infinity);
  }

  /** Bytes of pictures held. */
  get heldBytes(): number {
    return this.building.reduce((sum, frame) => sum + frame.bytes, 0);
  }

  /** Where the fragment's frame is built; begins it if there is room for it. */
  private place(fragment: Fragment, nowMs: number): number | undefined {
    let at = this.building.findIndex((frame) => !isAfter(fragment.frame, frame.number));
    if (at < 0) at = this.building.length;
    if (this.building[at]?.number === fragment.frame) return at;
    if (this.building.length === FRAMES_BUILDING_MAX) {
      if (at === 0) return undefined;
      this.giveUpOldest();
      at -= 1;
    }
    const begun = new Building(fragment, nowMs);
    this.building.splice(at, 0, begun);
    if (at + 1 < this.building.length) begun.expectAll(nowMs);
    return at;
  }

  private giveOut(at: number, frame: Building): WholeFrame {
    this.building.splice(0, at + 1);
    this.figures.dropped += at;
    this.figures.complete += 1;
    this.passed = frame.number;
    return { frame: frame.number, capturedMs: frame.capturedMs, jpeg: frame.joined() };
  }

  private giveUpOldest(): void {
    const oldest = this.building.shift();
    if (oldest === undefined) return;
    this.figures.dropped += 1;
    this.passed = oldest.number;
  }

  private forgetAfterSilence(nowMs: number): void {
    if (nowMs - this.lastArrivalMs < RESTART_SILENCE_MS) return;
    this.figures.dropped += this.building.length;
    this.building = [];
    this.passed = undefined;
  }
}

/** Whether a fragment may be looked at; its count is what memory is taken for. */
function isSound(fragment: Fragment): boolean {
  const { index, count, payload } = fragment;
  const sized = payload.byteLength > 0 && payload.byteLength <= FRAGMENT_PAYLOAD_BYTES_MAX;
  return sized && count <= FRAGMENTS_MAX && index < count;
}

interface Slot {
  payload: Uint8Array | undefined;
  /** When to ask, if a gap was seen before it. */
  dueMs: number | undefined;
  asks: number;
}

class Building {
  readonly number: number;
  readonly capturedMs: number;
  readonly diesAtMs: number;
  bytes = 0;
  private readonly slots: Slot[];
  /** One past the highest index that should have come by now. */
  private expected = 0;
  private missing: number;
  private lastMs: number;

  constructor(fragment: Fragment, nowMs: number) {
    this.number = fragment.frame;
    this.capturedMs = fragment.capturedMs;
    this.slots = Array.from({ length: fragment.count }, () => ({ payload: undefined, dueMs: undefined, asks: 0 }));
    this.missing = fragment.count;
    this.diesAtMs = nowMs + FRAME_LIFE_MS;
    this.lastMs = nowMs;
  }

  get isWhole(): boolean {
    return this.missing === 0;
  }

  insert(fragment: Fragment, nowMs: number): 'new' | 'recovered' | 'duplicate' | 'contradiction' {
    const slot = this.slots[fragment.index];
    const fits = this.bytes + fragment.payload.byteLength <= CAMERA_FRAME_BYTES_MAX;
    if (fragment.count !== this.slots.length || slot === undefined || !fits) return 'contradiction';
    this.expect(fragment.index, nowMs);
    if (slot.payload !== undefined) return 'duplicate';
    slot.payload = fragment.payload;
    this.bytes += fragment.payload.byteLength;
    this.missing -= 1;
    this.expected = Math.max(this.expected, fragment.index + 1);
    this.lastMs = nowMs;
    return slot.asks > 0 ? 'recovered' : 'new';
  }

  /** A newer frame has begun, so all of this one should be here. */
  expectAll(nowMs: number): void {
    this.expect(this.slots.length, nowMs);
  }

  ask(nowMs: number): { indices: number[]; first: number } {
    const indices: number[] = [];
    let first = 0;
    this.slots.forEach((slot, index) => {
      if (this.dueAtMs(slot) > nowMs) return;
      if (slot.asks === 0) first += 1;
      slot.asks += 1;
      slot.dueMs = nowMs + ASK_AGAIN_MS;
      indices.push(index);
    });
    return { indices, first };
  }

  nextWakeMs(): number {
    return this.slots.reduce((least, slot) => Math.min(least, this.dueAtMs(slot)), this.diesAtMs);
  }

  joined(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    for (const { payload } of this.slots) {
      if (payload === undefined) continue;
      whole.set(payload, at);
      at += payload.byteLength;
    }
    return whole;
  }

  /** Everything before `end` should be here: what is not is a gap. */
  private expect(end: number, nowMs: number): void {
    for (; this.expected < end; this.expected += 1) {
      const slot = this.slots[this.expected];
      if (slot !== undefined) slot.dueMs = nowMs + REORDERING_MS;
    }
  }

  /** When a missing fragment is to be asked for; never when it was asked for often enough. */
  private dueAtMs(slot: Slot): number {
    if (slot.payload !== undefined || slot.asks >= ASKS_MAX) return Infinity;
    if (slot.asks > 0) return slot.dueMs ?? Infinity;
    return Math.min(slot.dueMs ?? Infinity, this.lastMs + TAIL_SILENCE_MS);
  }
}
