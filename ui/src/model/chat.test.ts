import { describe, expect, it } from 'vitest';
import type { Line } from '../wire';
import * as chat from './chat';
import { line } from './testing/room';

const YOU = 2;
const lines = (from: number, to: number): Line[] =>
  Array.from({ length: to - from + 1 }, (_, at) => line(from + at, 1, `line ${String(from + at)}`));
const said = (state: chat.ChatState, line: Line, atMs = 0) =>
  chat.event(state, { type: 'line_said', payload: { line } }, YOU, atMs);
const ids = (state: chat.ChatState) => state.lines.map((one) => one.id);

describe('what is unread', () => {
  it('is what others said while the panel was closed', () => {
    let state = chat.NO_CHAT;
    state = said(state, line(1, 1, 'hello'));
    state = said(state, line(2, YOU, 'mine'));
    state = said(state, line(3, 1, '', { kind: { type: 'system' } }));
    state = said(state, line(4, 3, 'hi'));
    expect(state.unread).toBe(2);
    expect(state.firstUnread).toBe(1);
  });

  it('is read when the panel opens, and its mark stays until it closes', () => {
    let state = chat.opened(said(chat.NO_CHAT, line(1, 1, 'hello')));
    expect([state.unread, state.firstUnread]).toEqual([0, 1]);
    state = said(state, line(2, 1, 'more'));
    expect(state.unread).toBe(0);
    expect(chat.closed(state).firstUnread).toBeNull();
  });
});

describe('the banner', () => {
  it('shows the newest line for a while', () => {
    const state = said(chat.NO_CHAT, line(1, 1, 'hello'), 1_000);
    expect(chat.banner(state, 1_000 + chat.BANNER_SHOWN_MS - 1)?.id).toBe(1);
    expect(chat.banner(state, 1_000 + chat.BANNER_SHOWN_MS)).toBeNull();
  });

  it('is gone with the line that was taken back, and while the panel is open', () => {
    const state = said(chat.NO_CHAT, line(1, 1, 'hello'));
    expect(chat.banner(chat.event(state, { type: 'line_deleted', payload: { line: 1 } }, YOU, 0), 0)).toBeNull();
    expect(chat.banner(chat.opened(state), 0)).toBeNull();
  });
});

describe('pages of history', () => {
  it('are asked for one at a time, from the oldest line', () => {
    const state = chat.snapshot(chat.NO_CHAT, lines(51, 100));
    expect(chat.olderWanted(state)).toEqual({ before: 51, lines_max: 50 });
    expect(chat.olderWanted(chat.loadingOlder(state))).toBeNull();
  });

  it('come before what there is, each line once', () => {
    const state = chat.loadingOlder(chat.snapshot(chat.NO_CHAT, lines(51, 100)));
    const more = chat.tookOlder(state, { lines: lines(2, 51), more: true });
    expect(ids(more)).toEqual(lines(2, 100).map((one) => one.id));
    expect(chat.olderWanted(more)).toEqual({ before: 2, lines_max: 50 });
    const all = chat.tookOlder(more, { lines: lines(1, 1), more: false });
    expect(chat.olderWanted(all)).toBeNull();
  });

  it('can be asked for again when they were refused', () => {
    const state = chat.loadingOlder(chat.snapshot(chat.NO_CHAT, lines(51, 100)));
    expect(chat.olderWanted(chat.tookOlder(state, null))).not.toBeNull();
  });

  it('are not looked for in a chat that has just begun', () => {
    expect(chat.olderWanted(chat.snapshot(chat.NO_CHAT, lines(1, 3)))).toBeNull();
  });

  it('are forgotten from the oldest when they are too many', () => {
    let state = chat.snapshot(chat.NO_CHAT, lines(1, 1));
    for (let id = 2; id <= chat.LINES_KEPT_MAX + 5; id += 1) state = said(state, line(id, 1, 'x'));
    expect(state.lines).toHaveLength(chat.LINES_KEPT_MAX);
    expect(state.more).toBe(true);
  });
});

describe('after a lost link', () => {
  it('lines that we had stay before those of the snapshot', () => {
    const state = chat.snapshot(chat.NO_CHAT, lines(1, 60));
    const back = chat.snapshot(state, lines(31, 80));
    expect(ids(back)).toEqual(lines(1, 80).map((one) => one.id));
    expect(back.unread).toBe(state.unread + 20);
  });

  it('a gap starts the chat again from the snapshot', () => {
    const state = chat.snapshot(chat.NO_CHAT, lines(1, 10));
    const back = chat.snapshot(state, lines(31, 80));
    expect(ids(back)).toEqual(lines(31, 80).map((one) => one.id));
    expect(back.more).toBe(true);
  });

  it('a line that was told before is not told twice', () => {
    const state = said(said(chat.NO_CHAT, line(1, 1, 'a')), line(1, 1, 'a'));
    expect([state.lines.length, state.unread]).toEqual([1, 1]);
  });
});

describe('our own lines', () => {
  it('wait below the others until they stand among them', () => {
    let state = chat.writing(chat.NO_CHAT, 1, 'hello ');
    expect(state.pending.map((one) => one.text)).toEqual(['hello ']);
    state = said(state, line(5, YOU, 'hello'));
    expect(state.pending).toEqual([]);
    expect(chat.written(state, 1).pending).toEqual([]);
  });

  it('of the same words are taken off one by one', () => {
    const state = chat.writing(chat.writing(chat.NO_CHAT, 1, 'yes'), 2, 'yes');
    expect(said(state, line(5, YOU, 'yes')).pending.map((one) => one.key)).toEqual([2]);
  });

  it('that were refused say why and stay', () => {
    const state = chat.refused(chat.writing(chat.NO_CHAT, 1, 'x'), 1, 'Too long.');
    expect(said(state, line(5, YOU, 'x')).pending).toEqual([{ key: 1, text: 'x', refused: 'Too long.' }]);
  });
});

describe('being spoken to', () => {
  it.each([
    ['@Ada look', 'Ada Lovelace', true],
    ['hi @ada lovelace!', 'Ada Lovelace', true],
    ['@ADA', 'ada', true],
    ['@Adam', 'Ada', false],
    ['Ada', 'Ada', false],
    ['@لينا؟', 'لينا حداد', true],
    ['@', '', false],
  ])('%j to %j: %s', (text, name, expected) => {
    expect(chat.mentions(text, name)).toBe(expected);
  });
});
