/**
 * What this tab remembers of its seat, so that a page that is loaded again comes back to it. It is kept in
 * `sessionStorage`: another tab has another seat, and it is gone when the tab is.
 */

import type { JoinWish, RoomLink } from '../../types';

const KEY = 'conclave.seat.';
/** References are reserved in blocks, so that storage is not written for each command. */
const REF_BLOCK = 256;

export interface KeptSeat {
  seatToken: string;
  wish: JoinWish;
  /** No reference from here on was used. */
  refsFrom: number;
}

/** The part of `Storage` that is needed. */
export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** `undefined` where the browser keeps nothing: then nobody comes back, and all else works. */
export function sessionStore(): Store | undefined {
  try {
    return window.sessionStorage;
  } catch {
    return undefined;
  }
}

export function keptSeat(store: Store | undefined, link: RoomLink): KeptSeat | undefined {
  try {
    const text = store?.getItem(KEY + link.slug);
    const kept: unknown = text == null ? undefined : JSON.parse(text);
    return isKeptSeat(kept) ? { ...kept, wish: { ...kept.wish, link } } : undefined;
  } catch {
    return undefined;
  }
}

export function forgetSeat(store: Store | undefined, slug: string): void {
  try {
    store?.removeItem(KEY + slug);
  } catch {
    // A storage that cannot be written keeps nothing worth removing.
  }
}

/** Keeps a seat, and counts its references. */
export class SeatNote {
  private next: number;
  private reserved: number;

  constructor(
    private readonly store: Store | undefined,
    private seat: KeptSeat,
  ) {
    this.next = seat.refsFrom;
    this.reserved = seat.refsFrom;
  }

  get slug(): string {
    return this.seat.wish.link.slug;
  }

  readonly nextRef = (): number => {
    if (this.next >= this.reserved) {
      this.reserved = this.next + REF_BLOCK;
      this.write();
    }
    this.next += 1;
    return this.next - 1;
  };

  /** What is switched on now, for the next page. */
  change(change: Partial<Pick<JoinWish, 'microphone' | 'camera' | 'sound' | 'name'>>): void {
    this.seat = { ...this.seat, wish: { ...this.seat.wish, ...change } };
    this.write();
  }

  forget(): void {
    forgetSeat(this.store, this.slug);
  }

  private write(): void {
    const { link, ...wish } = this.seat.wish;
    const kept = { ...this.seat, refsFrom: this.reserved, wish: { ...wish, password: null } };
    try {
      this.store?.setItem(KEY + link.slug, JSON.stringify(kept));
    } catch {
      // Full or forbidden: the seat is not found again after a reload, and all else works.
    }
  }
}

function isKeptSeat(kept: unknown): kept is KeptSeat {
  if (typeof kept !== 'object' || kept === null) return false;
  const { seatToken, wish, refsFrom } = kept as Partial<Record<keyof KeptSeat, unknown>>;
  return typeof seatToken === 'string' && typeof wish === 'object' && typeof refsFrom === 'number';
}
