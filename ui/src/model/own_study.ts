/**
 * What somebody keeps of their own studies, on their own machine: what they focus on, goals, and how long they have
 * focused on which day. Days are names like `2026-03-01` of the local calendar, and an input.
 */

import type { SharedStudy } from '../wire';
import { characters } from './limits';

/** Goals that the room takes of one person. */
export const GOALS_MAX = 20;
/** A goal, in characters. */
export const GOAL_CHARS_MAX = 200;
/** What one focuses on, in characters. */
export const FOCUS_ON_CHARS_MAX = 120;
/** Days that are remembered. */
export const DAYS_MAX = 400;
/** A day counts for the streak from so much focus on. */
export const DAY_COUNTS_MS = 60_000;

export interface OwnGoal {
  id: number;
  text: string;
  done: boolean;
}

export interface OwnStudy {
  readonly focusOn: string;
  readonly goals: readonly OwnGoal[];
  /** Whether the room is told of it. */
  readonly shares: boolean;
  /** Milliseconds of focus by day. */
  readonly days: Readonly<Record<string, number>>;
}

export const NOTHING_STUDIED: OwnStudy = { focusOn: '', goals: [], shares: false, days: {} };

/** Null when there are as many as there may be, or there is nothing to add. */
export function withGoal(own: OwnStudy, text: string): OwnStudy | null {
  const words = text.trim();
  if (words === '' || characters(words) > GOAL_CHARS_MAX || own.goals.length >= GOALS_MAX) return null;
  const id = Math.max(0, ...own.goals.map((goal) => goal.id)) + 1;
  return { ...own, goals: [...own.goals, { id, text: words, done: false }] };
}

export function withDone(own: OwnStudy, id: number, done: boolean): OwnStudy {
  return { ...own, goals: own.goals.map((goal) => (goal.id === id ? { ...goal, done } : goal)) };
}

export function withoutGoal(own: OwnStudy, id: number): OwnStudy {
  return { ...own, goals: own.goals.filter((goal) => goal.id !== id) };
}

/** So much more focus on a day. */
export function focused(own: OwnStudy, day: string, ms: number): OwnStudy {
  if (ms <= 0) return own;
  const days = { ...own.days, [day]: (own.days[day] ?? 0) + ms };
  const kept = Object.keys(days).sort().slice(-DAYS_MAX);
  return { ...own, days: Object.fromEntries(kept.map((name) => [name, days[name] ?? 0])) };
}

/** Days in a row up to today; a today without focus yet breaks nothing. */
export function streakDays(own: OwnStudy, today: string): number {
  const counts = (day: string) => (own.days[day] ?? 0) >= DAY_COUNTS_MS;
  let streak = counts(today) ? 1 : 0;
  for (let day = dayBefore(today); counts(day); day = dayBefore(day)) streak += 1;
  return streak;
}

/** What the room is told; null when nothing shall be. */
export function toShare(own: OwnStudy, today: string): SharedStudy | null {
  if (!own.shares) return null;
  const goals = own.goals.map(({ text, done }) => ({ text, done }));
  return { focus_on: own.focusOn.trim(), goals, streak_days: streakDays(own, today) };
}

/** What is stored may be of another version, or changed by hand: only what fits is taken. */
export function checkedStudy(stored: unknown): OwnStudy {
  const found = record(stored);
  const goals = Array.isArray(found['goals']) ? found['goals'].slice(0, GOALS_MAX).map(record) : [];
  const days = Object.entries(record(found['days'])).filter(
    (entry): entry is [string, number] => /^\d{4}-\d\d-\d\d$/u.test(entry[0]) && Number.isFinite(entry[1]),
  );
  return {
    focusOn: words(found['focusOn'], FOCUS_ON_CHARS_MAX),
    goals: goals
      .map((goal, at) => ({ id: at + 1, text: words(goal['text'], GOAL_CHARS_MAX), done: goal['done'] === true }))
      .filter((goal) => goal.text !== ''),
    shares: found['shares'] === true,
    days: Object.fromEntries(days.sort().slice(-DAYS_MAX)),
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function words(value: unknown, charsMax: number): string {
  return typeof value === 'string' ? [...value].slice(0, charsMax).join('') : '';
}

/** Noon keeps clear of the hour that summer time takes or gives. */
function dayBefore(day: string): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() - 1);
  return date.toISOString().slice(0, 10);
}
