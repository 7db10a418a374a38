/** Templates of the pretended server: the built-in ones, and those that were saved here. */

import { BUILTIN } from '../../model/templates';
import type { Settings, Template } from '../../wire';

export const PLAN = {
  focus_minutes: 25,
  short_break_minutes: 5,
  long_break_minutes: 15,
  cycles: 4,
  focus_starts_itself: false,
  focus_mutes: false,
  hush_banners: true,
};

/** How a pretended room is set up when nothing else is said. */
export const USUAL: Settings = {
  version: 1,
  newcomers: 'participant',
  waiting_room: false,
  members_max: 50,
  participants: { present: true, speak: true, chat: true, files: true, timer: true, film: true },
  observers: { react: true, vote: true, ask: true },
  muted_on_entry: false,
  may_unmute: true,
  present_by_asking: true,
  questions: { open: false, anonymous: false, reviewed: false },
  timer: null,
  quiet_company: false,
  film: false,
  film_strict: false,
  keep_hours: 168,
};

let saved: Template[] = [{ name: 'Our seminar', settings: { ...USUAL, members_max: 30 }, time_limit_ms: null }];

export function templates(): Template[] {
  return [...BUILTIN.map((name) => ({ name, settings: USUAL, time_limit_ms: null })), ...saved];
}

export function saveTemplate(name: string, settings: Settings): void {
  saved = [...saved.filter((template) => template.name !== name), { name, settings, time_limit_ms: null }];
}

/** False when none of that name was saved. */
export function deleteTemplate(name: string): boolean {
  const before = saved.length;
  saved = saved.filter((template) => template.name !== name);
  return saved.length < before;
}
