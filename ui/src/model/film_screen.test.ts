import { describe, expect, it } from 'vitest';
import type { Film, FilmMark } from '../wire';
import { filmPosition, filmRuns, holdOf, marksOf } from './film_screen';
import { room } from './testing/room';

const file = { name: 'a.mp4', size_bytes: 10, duration_ms: 100_000, sample: null, sha256: null };
const anchor = { playing: true, position_ms: 20_000, at_ms: 1_000, rate_permille: 1_500, hold: null };
const film = (change: Partial<Film> = {}): Film => ({ file, leader: 1, anchor, playlist: [], marks: [], ...change });

describe('where everybody should be', () => {
  it('goes on from the anchor at its rate, not before its instant and not beyond the end', () => {
    expect(filmPosition(film(), 3_000)).toBe(23_000);
    expect(filmPosition(film(), 500)).toBe(20_000);
    expect(filmPosition(film(), 10_000_000)).toBe(100_000);
    expect(filmPosition(film({ file: { ...file, duration_ms: 0 } }), 1_001_000)).toBe(1_520_000);
  });

  it('stands while it is paused, somebody is waited for, or the clock is not known', () => {
    expect(filmPosition(film({ anchor: { ...anchor, playing: false } }), 9_000)).toBe(20_000);
    const held = film({ anchor: { ...anchor, hold: { waiting_for: [2], until_ms: 5_000 } } });
    expect([filmRuns(held), filmPosition(held, 9_000)]).toEqual([false, 20_000]);
    expect(filmPosition(film(), null)).toBe(20_000);
  });
});

describe('who is waited for', () => {
  it('is named, with how long still, and we ourselves apart', () => {
    const held = room({ film: film({ anchor: { ...anchor, hold: { waiting_for: [2, 3], until_ms: 5_000 } } }) });
    expect(holdOf(held, 3, 2_000)).toEqual({ names: ['Bo'], you: true, leftMs: 3_000 });
    expect(holdOf(held, 1, 9_000)).toEqual({ names: ['Bo', 'Cy'], you: false, leftMs: 0 });
    expect(holdOf(room(), 1, 0)).toBeNull();
  });
});

describe('ready marks', () => {
  it('are of everybody, those who hold up first and those without a copy last', () => {
    const marks: FilmMark[] = [
      { id: 1, readiness: 'ready', sure: true },
      { id: 3, readiness: 'buffering', sure: false },
    ];
    const rows = marksOf(room({ film: film({ marks }) }), 1);
    expect(rows.map(({ name, readiness, sure }) => [name, readiness, sure])).toEqual([
      ['Cy', 'buffering', false],
      ['Ada', 'ready', true],
      ['Bo', null, false],
    ]);
  });
});
