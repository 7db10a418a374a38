/** The control link without a network: commands, signs of life, waits, and what a tab remembers. */

import { describe, expect, it, vi } from 'vitest';
import type { Refusal, Reply } from '../../../wire';
import { RefusalError, type JoinWish } from '../../types';
import { ANSWERS_KEPT, Asks } from './asks';
import { Backoff } from './backoff';
import { Heartbeat } from './heartbeat';
import { RoomClock } from './room_clock';
import { SeatNote, keptSeat, type Store } from './seat';

const NOTHING: Reply = { type: 'nothing' };

function counting(): () => number {
  let next = 0;
  return () => (next += 1);
}

describe('commands', () => {
  it('without an answer are sent again under their old reference', () => {
    const asks = new Asks(counting());
    const done = vi.fn();
    asks.take({ type: 'ask_floor' }, 0, done, vi.fn());
    const second = asks.take({ type: 'take_floor' }, 0, vi.fn(), vi.fn());
    asks.done(1, NOTHING);
    expect(done).toHaveBeenCalledWith(NOTHING);
    expect(asks.unanswered(1)).toEqual([second]);
    expect(second).toEqual({ ref: 2, command: { type: 'take_floor' } });
  });

  it('that are refused say why', () => {
    const asks = new Asks(counting());
    const refused = vi.fn();
    asks.take({ type: 'ask_floor' }, 0, vi.fn(), refused);
    const refusal: Refusal = { code: 'not_allowed', message: 'No.', retry_after_ms: 5 };
    asks.refused(1, refusal);
    asks.refused(1, refusal);
    expect(refused).toHaveBeenCalledOnce();
    expect(refused.mock.calls[0]?.[0]).toMatchObject({ code: 'not_allowed', message: 'No.', retryAfterMs: 5 });
  });

  it('are never more than the server keeps answers', () => {
    const asks = new Asks(counting());
    for (let n = 0; n < ANSWERS_KEPT; n += 1) asks.take({ type: 'ask_floor' }, 0, vi.fn(), vi.fn());
    const refused = vi.fn();
    expect(asks.take({ type: 'ask_floor' }, 0, vi.fn(), refused)).toBeUndefined();
    expect(refused.mock.calls[0]?.[0]).toBeInstanceOf(RefusalError);
  });

  it('are given up after a minute, and when the meeting is over', () => {
    const asks = new Asks(counting());
    const [late, over] = [vi.fn(), vi.fn()];
    asks.take({ type: 'ask_floor' }, 0, vi.fn(), late);
    asks.take({ type: 'ask_floor' }, 59_999, vi.fn(), over);
    expect(asks.unanswered(60_000)).toHaveLength(1);
    expect(late.mock.calls[0]?.[0]).toMatchObject({ code: 'timeout' });
    asks.end();
    expect(over).toHaveBeenCalledOnce();
  });
});

describe('signs of life', () => {
  it('are sent at once and then in every interval', () => {
    const heartbeat = new Heartbeat(100, 2_000);
    expect(heartbeat.wake(100)).toBe('beat');
    heartbeat.heard();
    expect(heartbeat.wake(2_099)).toBeUndefined();
    expect(heartbeat.nextWakeMs()).toBe(2_100);
    expect(heartbeat.wake(2_100)).toBe('beat');
  });

  it('that nothing answers for six seconds mean that the other side is gone', () => {
    const heartbeat = new Heartbeat(0, 2_000);
    for (const at of [0, 2_000, 4_000]) expect(heartbeat.wake(at)).toBe('beat');
    expect(heartbeat.wake(5_999)).toBeUndefined();
    expect(heartbeat.wake(6_000)).toBe('dead');
  });

  it('of a page whose timers slept are asked for before anybody is taken for gone', () => {
    const heartbeat = new Heartbeat(0, 2_000);
    heartbeat.wake(0);
    heartbeat.heard();
    expect(heartbeat.wake(60_000)).toBe('beat');
    expect(heartbeat.wake(61_000)).toBeUndefined();
  });
});

describe('the wait before another attempt', () => {
  it('is drawn up to a ceiling that doubles from 100 ms to a second', () => {
    const backoff = new Backoff();
    const waits = [0, 1, 2, 3, 4, 5].map(() => backoff.nextWaitMs(1));
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(backoff.nextWaitMs(0)).toBe(0);
    backoff.succeeded();
    expect([backoff.attempts, backoff.nextWaitMs(0.5)]).toEqual([0, 50]);
  });
});

describe('the room clock', () => {
  it('believes the quickest of the last exchanges', () => {
    const clock = new RoomClock();
    expect(clock.read(0)).toBeUndefined();
    clock.exchanged(0, 1_000, 10); // the room was at 1,000 when we were at 5
    clock.exchanged(100, 1_400, 500); // slow one way: wrong by 200
    expect(clock.read(600)).toBe(1_595);
    for (let n = 0; n < 8; n += 1) clock.exchanged(1_000, 3_000, 1_020);
    expect(clock.read(1_010)).toBe(3_000);
  });
});

describe('what a tab remembers of its seat', () => {
  const link = { slug: 'physics', hostKey: 'secret', server: null, fingerprint: 'abc' };
  const wish: JoinWish = { link, name: 'Ada', password: 'pw', sound: true, microphone: false, camera: false };

  function memory(): Store & { kept: Map<string, string> } {
    const kept = new Map<string, string>();
    return {
      kept,
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }

  it('comes back with references that were never used', () => {
    const store = memory();
    const note = new SeatNote(store, { seatToken: 'token', wish, refsFrom: 1 });
    const used = Array.from({ length: 300 }, () => note.nextRef());
    note.change({ microphone: true });
    const kept = keptSeat(store, link);
    expect(kept?.seatToken).toBe('token');
    expect(kept?.wish).toMatchObject({ name: 'Ada', microphone: true, link });
    const again = new SeatNote(store, kept!);
    expect(again.nextRef()).toBeGreaterThan(Math.max(...used));
  });

  it('holds no password and no host key', () => {
    const store = memory();
    new SeatNote(store, { seatToken: 'token', wish, refsFrom: 1 }).change({});
    expect([...store.kept.values()].join()).not.toMatch(/secret|pw/);
  });

  it('is nothing for another room, after leaving, or when it is damaged', () => {
    const store = memory();
    const note = new SeatNote(store, { seatToken: 'token', wish, refsFrom: 1 });
    note.change({});
    expect(keptSeat(store, { ...link, slug: 'other' })).toBeUndefined();
    store.setItem('conclave.seat.other', '{"seatToken":7}');
    expect(keptSeat(store, { ...link, slug: 'other' })).toBeUndefined();
    store.setItem('conclave.seat.other', '{');
    expect(keptSeat(store, { ...link, slug: 'other' })).toBeUndefined();
    note.forget();
    expect(keptSeat(store, link)).toBeUndefined();
  });

  it('is kept by nobody where the browser forbids it', () => {
    const note = new SeatNote(undefined, { seatToken: 'token', wish, refsFrom: 5 });
    expect([note.nextRef(), note.nextRef()]).toEqual([5, 6]);
  });
});
