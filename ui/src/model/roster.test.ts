import { describe, expect, it } from 'vitest';
import * as roster from './roster';
import { member, room } from './testing/room';

const YOU = 2;
const signs = (signals: roster.Signals, ...batch: Parameters<typeof roster.signs>[1]) =>
  roster.signs(signals, batch, YOU, 1_000);

describe('signs', () => {
  it('change what they name and nothing else', () => {
    let signals = signs(roster.NO_SIGNALS, { id: 1, speaking: true, level: 0, latency_ms: 12 });
    signals = signs(signals, { id: 1, level: 30 });
    expect(signals.of[1]).toMatchObject({ speaking: true, level: 0.5, latencyMs: 12, typing: false });
  });

  it('are gone with the person', () => {
    const signals = roster.gone(signs(roster.NO_SIGNALS, { id: 1, speaking: true }), 1);
    expect(signals).toEqual(roster.NO_SIGNALS);
  });
});

describe('the speaker', () => {
  it('is the loudest who speaks, and never ourselves', () => {
    const signals = signs(
      roster.NO_SIGNALS,
      { id: 1, speaking: true, level: 40 },
      { id: 3, speaking: true, level: 20 },
      { id: YOU, speaking: true, level: 0 },
    );
    expect(signals.speaker).toBe(3);
  });

  it('keeps the picture while speaking, however loud the others are', () => {
    const first = signs(roster.NO_SIGNALS, { id: 1, speaking: true, level: 40 });
    expect(signs(first, { id: 3, speaking: true, level: 5 }).speaker).toBe(1);
  });

  it('keeps the picture in silence, until somebody else speaks', () => {
    const first = signs(roster.NO_SIGNALS, { id: 1, speaking: true });
    const silent = signs(first, { id: 1, speaking: false });
    expect(silent.speaker).toBe(1);
    expect(signs(silent, { id: 3, speaking: true }).speaker).toBe(3);
  });
});

describe('the list of people', () => {
  const everybody = roster.people(
    room({
      members: [member(1, 'Zoe'), member(2, 'Me'), member(3, 'Ann'), member(4, 'Bea'), member(5, 'Cid')],
      floor: { presenter: 4, queue: [5], hands: [5, 1] },
    }),
    roster.NO_SIGNALS,
    YOU,
    0,
  );

  it('begins with us, then who presents, then hands in order, then names', () => {
    expect(roster.roster(everybody).map((person) => person.name)).toEqual(['Me', 'Bea', 'Cid', 'Zoe', 'Ann']);
  });

  it('knows places among hands and in the queue', () => {
    expect(everybody.map((person) => [person.hand, person.queued])).toEqual([
      [2, null],
      [null, null],
      [null, null],
      [null, null],
      [1, 1],
    ]);
  });
});

describe('a reaction', () => {
  it('stands for a while', () => {
    const signals = signs(roster.NO_SIGNALS, { id: 1, reaction: '👏' });
    const at = (atMs: number) => roster.people(room(), signals, YOU, atMs)[0]?.reaction ?? null;
    expect(at(1_000 + roster.REACTION_SHOWN_MS - 1)?.emoji).toBe('👏');
    expect(at(1_000 + roster.REACTION_SHOWN_MS)).toBeNull();
  });
});

describe('who is typing', () => {
  it('are the others who are here', () => {
    const signals = signs(
      roster.NO_SIGNALS,
      { id: 1, typing: true },
      { id: YOU, typing: true },
      { id: 3, typing: true },
    );
    const members = [member(1, 'Ada'), member(2, 'Me'), member(3, 'Cy', { away: true })];
    const names = roster.typing(roster.people(room({ members }), signals, YOU, 0)).map((person) => person.name);
    expect(names).toEqual(['Ada']);
  });
});

describe('a meter', () => {
  it.each([
    [0, 1],
    [30, 0.5],
    [60, 0],
    [127, 0],
  ])('shows -%i dBov as %d', (level, shown) => {
    expect(roster.meterLevel(level)).toBeCloseTo(shown);
  });
});
