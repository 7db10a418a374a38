/** The shared clock and the film of a pretended room: how they stand when we come, and what commands do with them. */

import { mayIn } from '../../model/permission';
import type { ClockChange, Command, Film, FilmFile, FilmMove, Permission, Reply, Study, StudyClock, StudyPhase } from '../../wire';
import { type PretendRoom, Refused } from './rules';

const NOTHING: Reply = { type: 'nothing' };
const MINUTE_MS = 60_000;
const IDLE: StudyClock = { phase: 'idle', cycle: 0, length_ms: 0, ends_at_ms: null, left_ms: 0, focus_done: 0 };

export const NO_STUDY: Study = { clock: IDLE, goal: '', focus_ms: 0, people: [] };

export const NO_FILM: Film = {
  file: null,
  leader: null,
  anchor: { playing: false, position_ms: 0, at_ms: 0, rate_permille: 1_000, hold: null },
  playlist: [],
  marks: [],
};

/** An afternoon that has been going on for a while. */
export function studying(clockMs: number): Study {
  return {
    clock: {
      phase: 'focus',
      cycle: 2,
      length_ms: 25 * MINUTE_MS,
      ends_at_ms: clockMs + 17 * MINUTE_MS + 42_000,
      left_ms: 0,
      focus_done: 1,
    },
    goal: 'Be ready for the exam on Friday',
    focus_ms: 148 * MINUTE_MS,
    people: [
      {
        id: 1,
        focus_ms: 32 * MINUTE_MS,
        shared: {
          focus_on: 'Chapter 4, standing waves',
          goals: [
            { text: 'Read to page 90', done: true },
            { text: 'Exercises 4.1 to 4.6', done: false },
          ],
          streak_days: 6,
        },
      },
      { id: 2, focus_ms: 25 * MINUTE_MS, shared: null },
      { id: 4, focus_ms: 7 * MINUTE_MS, shared: { focus_on: 'مراجعة الفصل الثالث', goals: [], streak_days: 0 } },
    ],
  };
}

const file = (name: string, minutes: number, size_bytes: number): FilmFile => ({
  name,
  size_bytes,
  duration_ms: minutes * MINUTE_MS,
  sample: '5'.repeat(64),
  sha256: 'a'.repeat(64),
});

/** A film that is open; some have it, and one is waited for. */
export function watching(clockMs: number): Film {
  return {
    file: file('Sunrise (1927), restored.mkv', 94, 1_834_000_000),
    leader: 1,
    anchor: {
      playing: true,
      position_ms: 31 * MINUTE_MS,
      at_ms: clockMs,
      rate_permille: 1_000,
      hold: { waiting_for: [4], until_ms: clockMs + 20_000 },
    },
    playlist: [file('Sunrise (1927), restored.mkv', 94, 1_834_000_000), file('The General (1926).mp4', 79, 998_000_000)],
    marks: [
      { id: 1, readiness: 'ready', sure: true },
      { id: 2, readiness: 'ready', sure: false },
      { id: 4, readiness: 'buffering', sure: true },
      { id: 5, readiness: 'mismatched', sure: false },
    ],
  };
}

/** Does what `by` asks, if it is about the clock or the film; null for all else. Throws {@link Refused}. */
export function doTogether(room: PretendRoom, by: number, command: Command): Reply | null {
  const allowed = (what: Permission) => {
    if (!mayIn(room.state, by, what)) throw new Refused('not_allowed');
  };
  switch (command.type) {
    case 'start_focus':
    case 'start_break':
    case 'pause_timer':
    case 'resume_timer':
    case 'reset_timer':
    case 'skip_break':
      allowed('timer');
      steer(room, command.type);
      return NOTHING;
    case 'set_timer_plan':
      allowed('timer');
      room.happen({ type: 'settings_changed', payload: { settings: { ...room.state.settings, timer: command.payload.plan } } });
      return NOTHING;
    case 'set_goal':
      allowed('timer');
      room.happen({ type: 'goal_set', payload: command.payload });
      return NOTHING;
    case 'share_study':
      room.happen({ type: 'study_shared', payload: { id: by, shared: command.payload.shared } });
      return NOTHING;

    case 'open_film': {
      allowed('lead_film');
      const anchor = { ...NO_FILM.anchor, at_ms: room.clock() };
      room.happen({ type: 'film_opened', payload: { file: command.payload.film, leader: by, anchor } });
      return NOTHING;
    }
    case 'stop_film':
      allowed('lead_film');
      room.happen({ type: 'film_opened', payload: { file: null, leader: null, anchor: NO_FILM.anchor } });
      return NOTHING;
    case 'play_film':
    case 'pause_film':
      allowed('lead_film');
      move(room, by, command.type === 'play_film' ? 'played' : 'paused', { playing: command.type === 'play_film' }, command.payload.position_ms);
      return NOTHING;
    case 'seek_film':
      allowed('lead_film');
      move(room, by, 'sought', {}, command.payload.position_ms);
      return NOTHING;
    case 'set_film_speed':
      allowed('lead_film');
      move(room, by, 'speed', { rate_permille: command.payload.rate_permille }, null);
      return NOTHING;
    case 'set_playlist':
      allowed('lead_film');
      room.happen({ type: 'playlist_changed', payload: command.payload });
      return NOTHING;
    case 'have_film': {
      const { sha256 } = command.payload.film;
      const open = room.state.film;
      if (sha256 !== null && open.leader === by && open.file?.sha256 === null) room.happen({ type: 'film_identified', payload: { sha256 } });
      room.happen({ type: 'film_marked', payload: { marks: [{ id: by, readiness: 'not_ready', sure: true }] } });
      return { type: 'film_matched', payload: { sure: true } };
    }
    case 'mark_film':
      room.happen({ type: 'film_marked', payload: { marks: [{ id: by, readiness: command.payload.readiness, sure: true }] } });
      return NOTHING;
    default:
      return null;
  }
}

type Steering = 'start_focus' | 'start_break' | 'pause_timer' | 'resume_timer' | 'reset_timer' | 'skip_break';

function steer(room: PretendRoom, how: Steering): void {
  const { timer } = room.state.settings;
  if (timer === null) throw new Refused('no_timer');
  const { clock } = room.state.study;
  const now = room.clock();
  const changed = (next: StudyClock, why: ClockChange) => room.happen({ type: 'study_clock_changed', payload: { clock: next, why } });
  const begin = (phase: StudyPhase, minutes: number, cycle: number) => {
    const length_ms = minutes * MINUTE_MS;
    changed({ ...clock, phase, cycle, length_ms, ends_at_ms: now + length_ms, left_ms: 0 }, how === 'skip_break' ? 'skipped' : 'started');
  };
  switch (how) {
    case 'start_focus':
    case 'skip_break':
      return begin('focus', timer.focus_minutes, (clock.cycle % timer.cycles) + 1);
    case 'start_break':
      return begin('short_break', timer.short_break_minutes, clock.cycle);
    case 'pause_timer':
      return changed({ ...clock, ends_at_ms: null, left_ms: Math.max(0, (clock.ends_at_ms ?? now) - now) }, 'paused');
    case 'resume_timer':
      return changed({ ...clock, ends_at_ms: now + clock.left_ms, left_ms: 0 }, 'resumed');
    case 'reset_timer':
      return changed(IDLE, 'reset');
  }
}

function move(room: PretendRoom, by: number, why: FilmMove, change: Partial<Film['anchor']>, positionMs: number | null | undefined): void {
  const { anchor, file: open } = room.state.film;
  if (open === null) throw new Refused('no_film');
  const now = room.clock();
  const runs = anchor.playing && anchor.hold === null;
  const here = anchor.position_ms + (runs ? ((now - anchor.at_ms) * anchor.rate_permille) / 1_000 : 0);
  const position_ms = Math.round(Math.max(0, Math.min(open.duration_ms || Infinity, positionMs ?? here)));
  room.happen({ type: 'film_moved', payload: { anchor: { ...anchor, ...change, position_ms, at_ms: now, hold: null }, why, by } });
}
