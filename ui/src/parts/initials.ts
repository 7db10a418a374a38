/** Initials and a steady colour for a name of any script. */

const HUES = 8;

/** Up to two letters: of the first and the last word, or of the only one. Never half a character. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u).filter((word) => word !== '');
  const first = words[0];
  if (first === undefined) return '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (letterOf(first) + (last === undefined ? '' : letterOf(last))).toLocaleUpperCase();
}

/** A number below 8 that is always the same for the same name (FNV-1a, 32 bits). */
export function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const letter of name) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash % HUES;
}

function letterOf(word: string): string {
  const letters = [...word];
  return letters.find((letter) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(letter)) ?? letters[0] ?? '';
}
