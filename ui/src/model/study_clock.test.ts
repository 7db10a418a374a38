import { describe, expect, it } from 'vitest';
import type { StudyClock } from '../wire';
import { board, clockDeeds, clockFace, clockLook, isHushed, isMutedByFocus } from './study_clock';
import { SETTINGS, room } from './testing/room';

const MINUTE = 60_000;
const PLAN = {
  focus_minutes: 25,
  short_break_minutes: 5,
  long_break_minutes: 15,
  cycles: 4,
  focus_starts_itself: false,
  focus_mutes: false,
  hush_banners: true,
};
const clock = (change: Partial<StudyClock>): StudyClock => ({
  phase: 'focus',
  cycle: 1,
  length_ms: 25 * MINUTE,
  ends_at_ms: null,
  left_ms: 25 * MINUTE,
  focus_done: 0,
  ...change,
});

describe('the shared clock', () => {
  it('computes what is left from its anchor, and never less than nothing', () => {
    const running = clock({ ends_at_ms: 30 * MINUTE });
    expect(clockLook(running, 10 * MINUTE)).toMatchObject({ runs: true, waits: false, leftMs: 20 * MINUTE, gone: 0.2 });
    expect(clockLook(running, 99 * MINUTE)).toMatchObject({ leftMs: 0, gone: 1 });
    expect(clockLook(running, 0)).toMatchObject({ leftMs: 25 * MINUTE, gone: 0 });
  });

  it('stands where it was paused, or waits to be started', () => {
    expect(clockLook(clock({ left_ms: 5 * MINUTE }), 1)).toMatchObject({ runs: false, waits: false, leftMs: 5 * MINUTE });
    expect(clockLook(clock({}), 1).waits).toBe(true);
    expect(clockLook(clock({ phase: 'idle', length_ms: 0, left_ms: 0 }), 1)).toMatchObject({ waits: false, gone: 0 });
  });

  it.each([
    [0, '0:00'],
    [1, '0:01'],
    [59_001, '1:00'],
    [25 * MINUTE, '25:00'],
    [180 * MINUTE, '3:00:00'],
  ])('with %d ms left shows %s', (left, face) => {
    expect(clockFace(left)).toBe(face);
  });

  it('offers what makes sense now', () => {
    const deeds = (change: Partial<StudyClock>) => clockDeeds(clockLook(clock(change), 0));
    expect(deeds({ phase: 'idle', length_ms: 0, left_ms: 0 })).toEqual(['start_focus', 'start_break']);
    expect(deeds({ ends_at_ms: MINUTE })).toEqual(['pause_timer', 'start_break', 'reset_timer']);
    expect(deeds({ phase: 'short_break', ends_at_ms: MINUTE })).toEqual(['pause_timer', 'skip_break', 'start_focus', 'reset_timer']);
    expect(deeds({ left_ms: MINUTE })).toContain('resume_timer');
  });

  it('hushes banners while the room focuses, if it is set so', () => {
    const study = { ...room().study, clock: clock({ ends_at_ms: MINUTE }) };
    const hushing = room({ study, settings: { ...SETTINGS, timer: PLAN } });
    expect(isHushed(hushing)).toBe(true);
    expect(isHushed({ ...hushing, settings: { ...SETTINGS, timer: { ...PLAN, hush_banners: false } } })).toBe(false);
    expect(isHushed({ ...hushing, study: { ...study, clock: clock({}) } })).toBe(false);
    expect(isHushed({ ...hushing, settings: SETTINGS })).toBe(false);
  });
});

describe('focus that mutes', () => {
  it('keeps microphones off but those of hosts, and only while it runs', () => {
    const study = { ...room().study, clock: clock({ ends_at_ms: MINUTE }) };
    const muting = room({ study, settings: { ...SETTINGS, timer: { ...PLAN, focus_mutes: true } } });
    expect(isMutedByFocus(muting, 'participant')).toBe(true);
    expect(isMutedByFocus(muting, 'co_host')).toBe(false);
    expect(isMutedByFocus({ ...muting, study: { ...study, clock: clock({}) } }, 'participant')).toBe(false);
    expect(isMutedByFocus({ ...muting, settings: { ...SETTINGS, timer: PLAN } }, 'participant')).toBe(false);
  });
});

describe('the board', () => {
  it('has who tells something first, then who focused longest, and nobody who is gone', () => {
    const shared = { focus_on: 'Waves', goals: [], streak_days: 3 };
    const people = [
      { id: 1, focus_ms: 5, shared: null },
      { id: 2, focus_ms: 1, shared },
      { id: 3, focus_ms: 9, shared: null },
      { id: 77, focus_ms: 99, shared },
    ];
    const rows = board(room({ study: { ...room().study, people } }), 3);
    expect(rows.map(({ name, isYou }) => [name, isYou])).toEqual([['Bo', false], ['Cy', true], ['Ada', false]]);
  });
});
