/** The end of the meeting: how long is left, and when that is worth saying. */

/** What is left at which everybody is told, in milliseconds, from most to least. */
export const MARKS_MS: readonly number[] = [10 * 60_000, 5 * 60_000, 60_000];
/** From when on the countdown is shown in every second. */
export const SECONDS_SHOWN_MS = 10 * 60_000;

export interface TimeLeft {
  /** Never below 0. */
  ms: number;
  hours: number;
  minutes: number;
  seconds: number;
  /** The last of {@link MARKS_MS} that was passed; null before the first. */
  mark: number | null;
}

/** What is left at a moment of the room clock; null without a limit or while the clock is not known. */
export function timeLeft(endsAtMs: number | null, roomNowMs: number | null): TimeLeft | null {
  if (endsAtMs === null || roomNowMs === null) return null;
  const ms = Math.max(0, endsAtMs - roomNowMs);
  // Rounded up: "1 second" stands until nothing is left.
  const whole = Math.ceil(ms / 1000);
  let mark: number | null = null;
  for (const candidate of MARKS_MS) if (ms <= candidate) mark = candidate;
  return {
    ms,
    hours: Math.floor(whole / 3600),
    minutes: Math.floor((whole % 3600) / 60),
    seconds: whole % 60,
    mark,
  };
}

/** A moment of the meeting, in milliseconds of the room clock, as a clock: `1:02:03`, `0:05`. */
export function momentText(momentMs: number): string {
  const whole = Math.max(0, Math.floor(momentMs / 1000));
  return clockText({ hours: Math.floor(whole / 3600), minutes: Math.floor((whole % 3600) / 60), seconds: whole % 60 });
}

/** As a clock: `1:02:03`, `9:05`. */
export function clockText(left: Pick<TimeLeft, 'hours' | 'minutes' | 'seconds'>): string {
  const two = (value: number) => String(value).padStart(2, '0');
  if (left.hours > 0) return `${left.hours}:${two(left.minutes)}:${two(left.seconds)}`;
  return `${left.minutes}:${two(left.seconds)}`;
}
