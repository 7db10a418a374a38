/** Whether two copies are the same film, as `proto/core/src/watch/identity.rs` has it. */

import type { FilmComparison } from '../bridge/types';
import type { FilmFile } from '../wire';

/** Players and containers differ by so much about the length of one and the same file. */
const DURATION_SLACK_MS = 1_000;

/** The SHA-256 decides where both have one, else the sample; without either, equal size and length are likely the same. */
export function compareFilms(one: FilmFile, other: FilmFile): FilmComparison {
  const isSame = equal(one.sha256, other.sha256);
  if (isSame === true) return 'same';
  const isLike = isSame ?? equal(one.sample, other.sample) ?? (one.size_bytes === other.size_bytes && asLong(one, other));
  if (isSame === null && isLike) return 'likely';
  if (!asLong(one, other)) return 'other_length';
  return one.size_bytes === other.size_bytes ? 'other_file' : 'other_cut';
}

/** Null where one of them is not known. */
function equal(one: string | null, other: string | null): boolean | null {
  return one === null || other === null ? null : one === other;
}

function asLong(one: FilmFile, other: FilmFile): boolean {
  const known = one.duration_ms > 0 && other.duration_ms > 0;
  return !known || Math.abs(one.duration_ms - other.duration_ms) <= DURATION_SLACK_MS;
}
