// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Bridge, type JoinWish, type Meeting, type MeetingEvent, RefusalError } from '../bridge/types';
import { numbered, room, welcome } from '../model/testing/room';
import type { Command, Reply } from '../wire';
import { linkTo } from './link';
import { prefer } from './preferences.svelte';
import { type Session, openSession } from './session.svelte';

const YOU = 1;
const WISH: JoinWish = { link: linkTo('physics'), name: 'Ada', password: null, sound: true, microphone: false, camera: false };
const NOTHING: Reply = { type: 'nothing' };

const bridge = vi.hoisted(() => ({ join: vi.fn<Bridge['join']>(), notify: vi.fn<Bridge['notify']>() }));
vi.mock('#bridge', () => ({ bridge }));

const ask = vi.fn<Meeting['ask']>();
const meeting = { ask, chooseSending: vi.fn(), leave: vi.fn(), watch: vi.fn() } as unknown as Meeting;
const entered: MeetingEvent = { type: 'welcome', welcome: welcome(YOU, room()) };
let session: Session | null = null;

beforeEach(() => {
  ask.mockReset().mockResolvedValue(NOTHING);
  bridge.join.mockReset();
  bridge.notify.mockReset();
  prefer({ notes: false, receive: 'auto' });
});
afterEach(() => {
  session?.close();
  session = null;
});

/** Comes in; returns how the bridge tells more. */
async function enter(): Promise<{ session: Session; tell: (event: MeetingEvent) => void }> {
  let tell: (event: MeetingEvent) => void = () => undefined;
  bridge.join.mockImplementation((_wish, heard) => {
    tell = heard;
    heard(entered);
    return Promise.resolve(meeting);
  });
  const opened = await openSession(WISH, new AbortController().signal, () => undefined);
  session = opened;
  return { session: opened, tell };
}

function asked(type: Command['type']): Command[] {
  return ask.mock.calls.map(([command]) => command).filter((command) => command.type === type);
}

describe('coming in', () => {
  it('takes what was told before the bridge had kept its promise', async () => {
    bridge.join.mockImplementation((_wish, heard) => {
      heard(entered);
      heard(numbered(11, { type: 'room_locked', payload: { locked: true } }));
      return Promise.resolve(meeting);
    });
    session = await openSession(WISH, new AbortController().signal, () => undefined);
    expect(session.state.room.locked).toBe(true);
    expect(session.you?.name).toBe('Ada');
  });

  it('tells where one stands at the door until then', async () => {
    const places: number[] = [];
    bridge.join.mockImplementation((_wish, heard) => {
      for (const position of [2, 1]) heard({ type: 'waiting', door: { title: 'Physics', position, seat_token: 's' } });
      heard(entered);
      return Promise.resolve(meeting);
    });
    session = await openSession(WISH, new AbortController().signal, (door) => places.push(door.position));
    expect(places).toEqual([2, 1]);
  });

  it('hands on why it was refused', async () => {
    const refusal = new RefusalError('room_full', 'The room is full.');
    bridge.join.mockRejectedValue(refusal);
    await expect(openSession(WISH, new AbortController().signal, () => undefined)).rejects.toBe(refusal);
  });

  it('says which quality was chosen on an earlier visit', async () => {
    prefer({ receive: 'low' });
    await enter();
    expect(asked('choose_quality')).toEqual([{ type: 'choose_quality', payload: { receive: 'low' } }]);
  });
});

describe('in a meeting', () => {
  it('keeps a message that was refused, with the reason, and sends it again', async () => {
    const { session } = await enter();
    ask.mockRejectedValueOnce(new RefusalError('too_fast', 'Wait a moment.'));
    await session.say('hello');
    expect(session.state.chat.pending).toMatchObject([{ text: 'hello', refused: 'Wait a moment.' }]);
    await session.sayAgain(session.state.chat.pending[0]?.key ?? 0);
    expect(session.state.chat.pending).toEqual([]);
    expect(asked('say')).toHaveLength(2);
  });

  it('shows why a command was refused', async () => {
    const { session } = await enter();
    ask.mockRejectedValueOnce(new RefusalError('not_allowed', 'Ask the host.'));
    expect(await session.ask({ type: 'raise_hand', payload: { raised: true } })).toBeNull();
    expect(session.toasts).toMatchObject([{ text: 'Ask the host.', tone: 'danger' }]);
  });

  it('shows what a host has done to us, and reads it out once', async () => {
    const { session, tell } = await enter();
    tell(numbered(11, { type: 'role_changed', payload: { id: YOU, role: 'observer', why: 'given' } }));
    tell(numbered(12, { type: 'role_changed', payload: { id: 2, role: 'host', why: 'given' } }));
    expect(session.toasts).toMatchObject([{ text: 'You are observer now', silent: true }]);
  });

  it('finds what was written at a moment, also in older pages', async () => {
    const { session, tell } = await enter();
    const at = (id: number) => ({ id, from: 2, name: 'Bo', kind: { type: 'said' as const }, text: 'x', at_ms: 1_000 * id, deleted: false });
    const newest = Array.from({ length: 50 }, (_, n) => at(51 + n));
    tell({ type: 'welcome', welcome: welcome(YOU, room({ lines: newest })) });
    ask.mockResolvedValueOnce({ type: 'lines', payload: { lines: Array.from({ length: 50 }, (_, n) => at(1 + n)), more: false } });
    await session.showMoment(7_500);
    expect(session.state.panel).toBe('chat');
    expect(session.state.chat.pointed).toBe(8);
    expect(asked('list_lines')).toHaveLength(1);
  });

  it('tells a volume once when the slider has come to rest, and again to a room that has forgotten it', async () => {
    const { session, tell } = await enter();
    for (const percent of [80, 60, 40]) session.setVolume(2, percent);
    const wanted = { type: 'set_volume', payload: { of: 2, percent: 40 } };
    await vi.waitFor(() => expect(asked('set_volume')).toEqual([wanted]));
    tell({ type: 'welcome', welcome: welcome(YOU, room(), { cursor: { epoch: 9, number: 1 } }) });
    expect(asked('set_volume')).toEqual([wanted, wanted]);
    tell({ type: 'welcome', welcome: welcome(YOU, null) });
    expect(asked('set_volume')).toHaveLength(2);
  });

  it('notes a raised hand for who looks elsewhere and wants it, and for nobody else', async () => {
    const { tell } = await enter();
    const focus = vi.spyOn(document, 'hasFocus').mockReturnValue(false);
    tell(numbered(11, { type: 'hand_raised', payload: { id: 2 } }));
    expect(bridge.notify).not.toHaveBeenCalled();
    prefer({ notes: true });
    tell(numbered(12, { type: 'hand_raised', payload: { id: 3 } }));
    expect(bridge.notify.mock.calls).toEqual([[{ title: 'Cy raised a hand', body: 'Physics', tag: 'hand_raised' }]]);
    focus.mockReturnValue(true);
    tell(numbered(13, { type: 'hand_raised', payload: { id: 2 } }));
    expect(bridge.notify).toHaveBeenCalledTimes(1);
    focus.mockRestore();
  });
});
