/** How numbers, times and lists of names are written in English. */

export const count = (n: number, one: string, many: string): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

const NAMED_MAX = 3;

/** `Ada`, `Ada and Ben`, `Ada, Ben and 5 others`. */
export function several(names: readonly string[]): string {
  if (names.length <= 1) return names[0] ?? '';
  const named = names.length <= NAMED_MAX ? names.slice(0, -1) : names.slice(0, NAMED_MAX - 1);
  const rest = names.length - named.length;
  return `${named.join(', ')} and ${rest === 1 ? (names.at(-1) ?? '') : count(rest, 'other', 'others')}`;
}

/** 75 is `1 min 15 s`, 3600 is `1 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600);
  const min = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  const parts: string[] = [];
  if (h > 0) parts.push(`${h} h`);
  if (min > 0) parts.push(`${min} min`);
  if ((s > 0 && h === 0) || parts.length === 0) parts.push(`${s} s`);
  return parts.join(' ');
}

/** Decimal units, as disks and networks count. */
export function bytes(n: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? 'bytes'}`;
}

export function clockTime(unixMs: number): string {
  return new Date(unixMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

export function dateTime(unixMs: number): string {
  return new Date(unixMs).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
}
