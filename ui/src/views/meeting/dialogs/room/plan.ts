/** The fields of a plan of the shared clock, and how large each may be; the server has the same. */

import type { TimerPlan } from '../../../../wire';

export const PLAN_USUAL: TimerPlan = {
  focus_minutes: 25,
  short_break_minutes: 5,
  long_break_minutes: 15,
  cycles: 4,
  focus_starts_itself: false,
  focus_mutes: false,
  hush_banners: true,
};

export const PLAN_FIELDS = [
  { key: 'focus_minutes', max: 180 },
  { key: 'short_break_minutes', max: 180 },
  { key: 'long_break_minutes', max: 180 },
  { key: 'cycles', max: 24 },
] as const;

export const PLAN_FLAGS = ['focus_starts_itself', 'focus_mutes', 'hush_banners'] as const;
