import { describe, expect, it } from 'vitest';
import { GOALS_MAX, NOTHING_STUDIED, checkedStudy, focused, streakDays, toShare, withDone, withGoal, withoutGoal, type OwnStudy } from './own_study';

const HOUR = 3_600_000;

function goals(...texts: string[]): OwnStudy {
  return texts.reduce<OwnStudy>((own, text) => withGoal(own, text) ?? own, NOTHING_STUDIED);
}

describe('goals', () => {
  it('are added, ticked off and taken away', () => {
    let own = goals(' Read chapter 3 ', 'Exercise 7');
    expect(own.goals.map(({ text }) => text)).toEqual(['Read chapter 3', 'Exercise 7']);
    own = withDone(own, 2, true);
    own = withoutGoal(own, 1);
    expect(own.goals).toEqual([{ id: 2, text: 'Exercise 7', done: true }]);
  });

  it('are not more, and not longer, than the room takes', () => {
    const full = goals(...Array.from({ length: GOALS_MAX }, (_, at) => `goal ${String(at)}`));
    expect(withGoal(full, 'one more')).toBeNull();
    expect(withGoal(NOTHING_STUDIED, 'x'.repeat(201))).toBeNull();
    expect(withGoal(NOTHING_STUDIED, '  ')).toBeNull();
  });
});

describe('the streak', () => {
  it('counts days in a row, over the ends of months and years', () => {
    let own = NOTHING_STUDIED;
    for (const day of ['2025-12-30', '2025-12-31', '2026-01-01']) own = focused(own, day, HOUR);
    expect(streakDays(own, '2026-01-01')).toBe(3);
    // Today is not over yet.
    expect(streakDays(own, '2026-01-02')).toBe(3);
    expect(streakDays(own, '2026-01-03')).toBe(0);
  });

  it('needs a minute a day, which may come in pieces', () => {
    const half = focused(NOTHING_STUDIED, '2026-01-01', 30_000);
    expect(streakDays(half, '2026-01-01')).toBe(0);
    expect(streakDays(focused(half, '2026-01-01', 30_000), '2026-01-01')).toBe(1);
    expect(focused(half, '2026-01-01', -5)).toBe(half);
  });
});

describe('what is told', () => {
  it('is nothing until it is wished for', () => {
    const own = { ...goals('A'), focusOn: ' Waves ' };
    expect(toShare(own, '2026-01-01')).toBeNull();
    expect(toShare({ ...own, shares: true }, '2026-01-01')).toEqual({ focus_on: 'Waves', goals: [{ text: 'A', done: false }], streak_days: 0 });
  });
});

describe('what was kept', () => {
  it.each([null, 7, 'x', [], { goals: 'many', days: [1] }])('is read carefully from %j', (stored) => {
    const read = checkedStudy(stored);
    expect(read.goals).toEqual([]);
    expect(read.shares).toBe(false);
  });

  it('comes back as it was', () => {
    const own = { ...focused(goals('A', 'B'), '2026-01-01', HOUR), focusOn: 'Waves', shares: true };
    expect(checkedStudy(JSON.parse(JSON.stringify(own)))).toEqual(own);
  });
});
