/** A seat across several links, against a WebSocket that the test holds the other end of. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientMessage, Event, ServerMessage, Welcome } from '../../../wire';
import { Asks } from './asks';
import { Session, type SessionEvents } from './session';

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: ClientMessage[] = [];

  constructor(
    readonly url: string,
    readonly subprotocol: string,
  ) {
    super();
    FakeSocket.all.push(this);
  }

  static get newest(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  open(): this {
    this.readyState = FakeSocket.OPEN;
    this.dispatchEvent(new Event_('open'));
    return this;
  }

  say(message: ServerMessage): void {
    this.dispatchEvent(Object.assign(new Event_('message'), { data: JSON.stringify(message) }));
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new Event_('close'));
  }

  of(type: ClientMessage['type']): ClientMessage[] {
    return this.sent.filter((message) => message.type === type);
  }
}

/** The DOM's `Event`; the protocol has one of its own. */
const Event_ = globalThis.Event;

const WELCOME = {
  you: 7,
  role: 'participant',
  seat_token: 'token',
  cursor: { epoch: 1, number: 10 },
  snapshot: null,
  room_clock_ms: 0,
  beat_interval_ms: 2_000,
  host_key: null,
} as unknown as Welcome;
const SNAPSHOT = { slug: 'physics' } as unknown as Welcome['snapshot'];

function welcome(change: Partial<Welcome> = {}): ServerMessage {
  return { type: 'welcome', payload: { ...WELCOME, ...change } };
}

function happened(...numbers: number[]): ServerMessage {
  const event: Event = { type: 'room_locked', payload: { locked: true } };
  return { type: 'events', payload: { events: numbers.map((number) => ({ number, event })) } };
}

describe('a session', () => {
  const heard: string[] = [];
  let session: Session;

  const events: SessionEvents = {
    waiting: ({ position }) => void heard.push(`waiting ${position}`),
    welcome: (_, isNew) => void heard.push(isNew ? 'welcome, opened anew' : 'welcome'),
    events: (list) => void heard.push(`events ${list.map(({ number }) => number).join(' ')}`),
    signs: () => void heard.push('signs'),
    link: ({ state }) => void heard.push(`link ${state}`),
    clock: (room) => void heard.push(`clock ${Math.round(room)}`),
    pulse: (pulse) => void heard.push(`pulse ${Object.keys(pulse).join()}`),
    ended: (reason) => void heard.push(`ended ${reason}`),
  };

  const join = { type: 'join', payload: { slug: 'physics', name: 'Ada', sound: true } } as const;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    vi.stubGlobal('WebSocket', FakeSocket);
    vi.spyOn(Math, 'random').mockReturnValue(1);
    FakeSocket.all = [];
    heard.length = 0;
    let ref = 0;
    session = new Session('wss://server/ws', new Asks(() => (ref += 1)), events);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  async function enter(): Promise<FakeSocket> {
    const entered = session.enter(join);
    const socket = FakeSocket.newest.open();
    socket.say(welcome({ snapshot: SNAPSHOT }));
    await entered;
    return socket;
  }

  it('says who it is in JSON, and hears the welcome first', async () => {
    const socket = await enter();
    expect([socket.url, socket.subprotocol]).toEqual(['wss://server/ws', 'conclave.1.json']);
    expect(socket.sent[0]).toEqual({ type: 'hello', payload: { enter: join, client: 'conclave-page' } });
    expect(heard).toEqual(['welcome', 'link up']);
    expect(session.token).toBe('token');
  });

  it('acknowledges what it took, one message for many', async () => {
    const socket = await enter();
    socket.say(happened(11));
    socket.say(happened(13, 14));
    expect(socket.of('ack')).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(socket.of('ack')).toEqual([{ type: 'ack', payload: { number: 14 } }]);
    socket.say(happened(...Array.from({ length: 64 }, (_, at) => 15 + at)));
    expect(socket.of('ack').at(-1)).toEqual({ type: 'ack', payload: { number: 78 } });
  });

  it('resumes exactly where it was, and sends what was not answered again', async () => {
    const first = await enter();
    const said = session.ask({ type: 'say', payload: { text: 'hello' } });
    const answered = session.ask({ type: 'take_floor' });
    first.say({ type: 'done', payload: { ref: 2, reply: { type: 'nothing' } } });
    await answered;
    first.say(happened(12));
    first.close();
    expect(heard.at(-1)).toBe('link lost');
    const whileLost = session.ask({ type: 'ask_floor' });
    vi.advanceTimersByTime(100);

    const second = FakeSocket.newest.open();
    expect(second).not.toBe(first);
    expect(second.sent[0]).toMatchObject({
      payload: { enter: { type: 'resume', payload: { seat_token: 'token', cursor: { epoch: 1, number: 12 } } } },
    });
    second.say(welcome({ cursor: { epoch: 1, number: 14 } }));
    expect(second.of('do').map((message) => message.payload)).toEqual([
      { ref: 1, command: { type: 'say', payload: { text: 'hello' } } },
      { ref: 3, command: { type: 'ask_floor' } },
    ]);
    second.say(happened(12, 13, 14));
    expect(heard.at(-1)).toBe('events 13 14');
    second.say({ type: 'done', payload: { ref: 1, reply: { type: 'line', payload: { line: 5 } } } });
    second.say({ type: 'done', payload: { ref: 3, reply: { type: 'nothing' } } });
    await expect(said).resolves.toEqual({ type: 'line', payload: { line: 5 } });
    await expect(whileLost).resolves.toEqual({ type: 'nothing' });
  });

  it('says when the room was opened anew', async () => {
    (await enter()).close();
    vi.advanceTimersByTime(100);
    FakeSocket.newest.open().say(welcome({ cursor: { epoch: 2, number: 3 }, snapshot: SNAPSHOT }));
    expect(heard).toContain('welcome, opened anew');
    FakeSocket.newest.say(happened(3, 4));
    expect(heard.at(-1)).toBe('events 4');
  });

  it('waits longer before each attempt, at most a second', async () => {
    (await enter()).close();
    for (const waitMs of [100, 200, 400, 800, 1_000, 1_000]) {
      const { length } = FakeSocket.all;
      vi.advanceTimersByTime(waitMs - 1);
      expect(FakeSocket.all).toHaveLength(length);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.all).toHaveLength(length + 1);
      FakeSocket.newest.close();
    }
    session.hurry();
    FakeSocket.newest.open().say(welcome());
    expect(heard.at(-1)).toBe('link up');
  });

  it('takes a link on which nothing comes back for dead', async () => {
    const socket = await enter();
    vi.advanceTimersByTime(5_999);
    expect(heard).not.toContain('link lost');
    vi.advanceTimersByTime(1);
    expect(heard.at(-1)).toBe('link lost');
    expect(socket.of('beat').length).toBeGreaterThanOrEqual(3);
  });

  it('ends for good with some farewells, and comes back after others', async () => {
    const first = await enter();
    first.say({ type: 'goodbye', payload: { reason: 'server_stopping', text: '' } });
    expect(heard.at(-1)).toBe('link lost');
    vi.advanceTimersByTime(100);
    const second = FakeSocket.newest.open();
    second.say(welcome());
    const waiting = session.ask({ type: 'ask_floor' });
    second.say({ type: 'goodbye', payload: { reason: 'kicked', text: 'Out.' } });
    expect(heard.at(-1)).toBe('ended kicked');
    await expect(waiting).rejects.toMatchObject({ code: 'seat_unknown' });
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('ends when the server does not take it back, but not when it is only busy', async () => {
    (await enter()).close();
    vi.advanceTimersByTime(100);
    const busy = { code: 'busy', message: 'Later.' } as const;
    FakeSocket.newest.open().say({ type: 'refused', payload: { refusal: busy } });
    expect(heard.at(-1)).toBe('link lost');
    vi.advanceTimersByTime(1_000);
    const gone = { code: 'seat_unknown', message: 'Gone.' } as const;
    FakeSocket.newest.open().say({ type: 'refused', payload: { refusal: gone } });
    expect(heard.at(-1)).toBe('ended link_lost');
  });

  it('that is refused at first is not tried again', async () => {
    const entered = session.enter(join);
    const refusal = { code: 'password_wrong', message: 'Wrong.' } as const;
    FakeSocket.newest.open().say({ type: 'refused', payload: { refusal } });
    await expect(entered).rejects.toMatchObject({ code: 'password_wrong' });
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('that finds no server says so', async () => {
    const entered = session.enter(join);
    FakeSocket.newest.close();
    await expect(entered).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('that gets no answer gives up after 15 s', async () => {
    const entered = session.enter(join);
    FakeSocket.newest.open();
    vi.advanceTimersByTime(15_000);
    await expect(entered).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('keeps its place at the door when the link is lost', async () => {
    const entered = session.enter(join);
    const door = { title: 'Physics', position: 2, seat_token: 'door token' };
    FakeSocket.newest.open().say({ type: 'waiting', payload: door });
    vi.advanceTimersByTime(60_000);
    FakeSocket.newest.close();
    vi.advanceTimersByTime(100);
    const second = FakeSocket.newest.open();
    expect(second.sent[0]).toMatchObject({ payload: { enter: { payload: { seat_token: 'door token', cursor: null } } } });
    second.say({ type: 'waiting', payload: { ...door, position: 1 } });
    second.say(welcome({ snapshot: SNAPSHOT }));
    await expect(entered).resolves.toMatchObject({ you: 7 });
    expect(heard).toEqual(['waiting 2', 'link lost', 'waiting 1', 'welcome', 'link up']);
  });

  it('steps away from the door', async () => {
    const entered = session.enter(join);
    const door = { title: 'Physics', position: 1, seat_token: 'door token' };
    FakeSocket.newest.open().say({ type: 'waiting', payload: door });
    session.giveUp();
    await expect(entered).rejects.toMatchObject({ code: 'given_up' });
    expect(FakeSocket.newest.readyState).toBe(3);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('gives each offer its own answer, in order', async () => {
    const socket = await enter();
    const offers = ['a', 'b', 'c'].map((sdp) => session.offerMedia(sdp));
    const refusal = { code: 'media_busy', message: 'Later.' } as const;
    socket.say({ type: 'media_answer', payload: { sdp: 'A' } });
    socket.say({ type: 'refused', payload: { refusal } });
    socket.say({ type: 'refused', payload: { refusal: { code: 'too_fast', message: 'Something else.' } } });
    socket.say({ type: 'media_answer', payload: { sdp: 'C' } });
    await expect(offers[0]).resolves.toBe('A');
    await expect(offers[1]).rejects.toMatchObject({ code: 'media_busy' });
    await expect(offers[2]).resolves.toBe('C');
  });

  it('leaves when the server has said goodbye, or after two seconds', async () => {
    const socket = await enter();
    const left = session.leave();
    expect(socket.of('do').at(-1)).toMatchObject({ payload: { command: { type: 'leave' } } });
    socket.say({ type: 'goodbye', payload: { reason: 'left', text: '' } });
    await left;
    expect(heard.filter((word) => word.startsWith('ended'))).toEqual(['ended left']);
  });

  it('tells the room clock', async () => {
    const socket = await enter();
    const beat = socket.of('beat')[0];
    vi.advanceTimersByTime(40);
    const sentMs = beat?.type === 'beat' ? beat.payload.sent_ms : NaN;
    socket.say({ type: 'beat', payload: { sent_ms: sentMs, room_clock_ms: 5_000 } });
    expect(heard.at(-1)).toBe('clock 5020');
  });
});
