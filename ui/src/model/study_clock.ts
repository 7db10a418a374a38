/** The shared clock as it is drawn and steered: everybody computes what is left from one anchor. */

import type { Role, RoomState, StudyClock, StudyPhase, StudyPerson } from '../wire';

export interface ClockLook {
  phase: StudyPhase;
  runs: boolean;
  /** A span that has not begun yet: somebody must start it. */
  waits: boolean;
  leftMs: number;
  /** How much of the span has gone, 0 to 1. */
  gone: number;
}

/** `roomNowMs` is null while the room clock is not known: then it is drawn as it stood. */
export function clockLook(clock: StudyClock, roomNowMs: number | null): ClockLook {
  const { phase, length_ms, ends_at_ms, left_ms } = clock;
  const runs = ends_at_ms !== null;
  const leftMs = runs ? (roomNowMs === null ? length_ms : Math.min(length_ms, Math.max(0, ends_at_ms - roomNowMs))) : left_ms;
  return {
    phase,
    runs,
    waits: !runs && phase !== 'idle' && left_ms === length_ms,
    leftMs,
    gone: length_ms === 0 ? 0 : (length_ms - leftMs) / length_ms,
  };
}

/** `25:00`, `0:07`; rounded up, so that nothing is left when it says so. */
export function clockFace(leftMs: number): string {
  const whole = Math.ceil(leftMs / 1_000);
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What can be done with the clock now. */
export type ClockDeed = 'start_focus' | 'start_break' | 'pause_timer' | 'resume_timer' | 'skip_break' | 'reset_timer';

/** The first is what one most likely wants. */
export function clockDeeds(look: ClockLook): ClockDeed[] {
  if (look.phase === 'idle') return ['start_focus', 'start_break'];
  const focus = look.phase === 'focus';
  const deeds: ClockDeed[] = [look.runs ? 'pause_timer' : 'resume_timer'];
  if (focus) deeds.push('start_break');
  else deeds.push('skip_break', 'start_focus');
  return [...deeds, 'reset_timer'];
}

/** Whether the room focuses now and wants it quiet: banners are held back. */
export function isHushed(room: RoomState): boolean {
  const { timer } = room.settings;
  const { phase, ends_at_ms } = room.study.clock;
  return timer !== null && timer.hush_banners && phase === 'focus' && ends_at_ms !== null;
}

/** Whether the room's focus keeps this person's microphone off until the break. */
export function isMutedByFocus(room: RoomState, role: Role): boolean {
  const { phase, ends_at_ms } = room.study.clock;
  const quiet = room.settings.timer?.focus_mutes === true && phase === 'focus' && ends_at_ms !== null;
  return quiet && role !== 'host' && role !== 'co_host';
}

/** Whether there is a clock to show. */
export function hasClock(room: RoomState): boolean {
  return room.settings.timer !== null;
}

/** One line of the board. */
export interface BoardRow extends StudyPerson {
  name: string;
  isYou: boolean;
}

/** Who focuses on what: who tells something first, then who has focused longest. */
export function board(room: RoomState, you: number): BoardRow[] {
  const rows = room.study.people.flatMap((person) => {
    const member = room.members.find(({ id }) => id === person.id);
    return member === undefined ? [] : [{ ...person, name: member.name, isYou: person.id === you }];
  });
  const tells = (row: BoardRow) => (row.shared === null ? 1 : 0);
  return rows.sort((a, b) => tells(a) - tells(b) || b.focus_ms - a.focus_ms || a.id - b.id);
}
