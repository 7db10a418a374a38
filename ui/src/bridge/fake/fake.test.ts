import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MeetingState, begin, hear, people } from '../../model/meeting';
import type { JoinWish, Meeting, MeetingEvent } from '../types';
import { bridge } from './index';

/** Time is advanced by hand: a minute of a meeting takes no minute. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const wish = (slug: string, change: Partial<JoinWish> = {}): JoinWish => ({
  link: { slug, hostKey: null, server: null, fingerprint: null },
  name: 'Me',
  password: null,
  sound: true,
  microphone: false,
  camera: false,
  ...change,
});

interface Joined {
  meeting: Meeting;
  heard: MeetingEvent[];
  now(): MeetingState;
}

async function join(slug: string, change: Partial<JoinWish> = {}): Promise<Joined> {
  const heard: MeetingEvent[] = [];
  let state: MeetingState | null = null;
  const joining = bridge.join(wish(slug, change), (event) => {
    heard.push(event);
    const atMs = performance.now();
    if (state !== null) state = hear(state, event, atMs);
    else if (event.type === 'welcome') state = begin(event.welcome, atMs);
  });
  await vi.advanceTimersByTimeAsync(20_000);
  const now = () => {
    if (state === null) throw new Error('no welcome was heard');
    return state;
  };
  return { meeting: await joining, heard, now };
}

async function done<T>(promise: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(1_000);
  return promise;
}

describe('a pretended meeting', () => {
  it('has six people who speak and write', async () => {
    const { heard, now, meeting } = await join('lobby');
    expect(now().room.members).toHaveLength(6);
    const lines = now().chat.lines.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(now().chat.lines.length).toBeGreaterThan(lines);
    const spoke = heard.some((event) => event.type === 'signs' && event.signs.people?.some((sign) => sign.speaking));
    expect(spoke).toBe(true);
    await meeting.leave();
  });

  it('is over when we leave, and silent from then on', async () => {
    const { meeting, heard, now } = await join('lobby');
    await meeting.leave();
    expect(now().ended?.reason).toBe('left');
    const until = heard.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(heard).toHaveLength(until);
  });

  it('tells everybody what we do', async () => {
    const { meeting, now } = await join('still', { microphone: true });
    const you = () => people(now(), 0).find((person) => person.isYou);
    expect(you()?.media.microphone).toBe(true);
    await done(meeting.ask({ type: 'raise_hand', payload: { raised: true } }));
    await done(meeting.ask({ type: 'say', payload: { text: 'hello' } }));
    await done(meeting.shareScreen(true));
    expect(you()).toMatchObject({ presenting: true });
    expect(you()?.hand).not.toBeNull();
    expect(now().chat.lines.at(-1)).toMatchObject({ text: 'hello', name: 'Me' });
    await meeting.leave();
  });

  it('has older lines than those of the welcome', async () => {
    const { meeting, now } = await join('still');
    const first = now().chat.lines[0];
    const reply = await done(meeting.ask({ type: 'list_lines', payload: { before: first?.id ?? 0, lines_max: 50 } }));
    expect(reply.type === 'lines' && reply.payload.lines.length).toBe(50);
    await meeting.leave();
  });

  it('carries a file until it is among the files', async () => {
    const { meeting, now } = await join('still');
    const files = now().room.files.length;
    meeting.upload({ name: 'a.bin', size: 10_000_000 } as File);
    await vi.advanceTimersByTimeAsync(500);
    expect(now().files.transfers[0]?.state).toEqual({ state: 'going' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(now().files.transfers[0]?.state).toEqual({ state: 'done' });
    expect(now().room.files).toHaveLength(files + 1);
    await meeting.leave();
  });

  it('loses its link and misses nothing', async () => {
    const { meeting, heard, now } = await join('lost');
    await vi.advanceTimersByTimeAsync(10_000);
    const links = heard.flatMap((event) => (event.type === 'link' ? [event.link.state] : []));
    expect(links).toEqual(['lost', 'up']);
    const numbers = heard.flatMap((event) => (event.type === 'events' ? event.events.map((one) => one.number) : []));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(now().link.state).toBe('up');
    await meeting.leave();
  });
});

describe('the door', () => {
  it('lets in after a while, and says where we stand until then', async () => {
    const { heard, meeting } = await join('waiting');
    const types = heard.map((event) => event.type);
    expect(types.indexOf('waiting')).toBe(0);
    expect(types.lastIndexOf('waiting')).toBeLessThan(types.indexOf('welcome'));
    await meeting.leave();
  });

  it('can be left', async () => {
    const enough = new AbortController();
    const joining = bridge.join(wish('waiting'), () => undefined, enough.signal);
    const refused = expect(joining).rejects.toMatchObject({ code: 'given_up' });
    await vi.advanceTimersByTimeAsync(500);
    enough.abort();
    await vi.advanceTimersByTimeAsync(0);
    await refused;
  });

  it.each([
    ['full', null, 'room_full'],
    ['nowhere', null, 'room_not_found'],
    ['secret', null, 'password_needed'],
    ['secret', 'wrong', 'password_wrong'],
  ])('of %s with the password %s says %s', async (slug, password, code) => {
    const joining = bridge.join(wish(slug, { password }), () => undefined);
    const refused = expect(joining).rejects.toMatchObject({ code });
    await vi.advanceTimersByTimeAsync(1_000);
    await refused;
  });
});
