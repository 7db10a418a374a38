/** The film of a room as it is drawn: where everybody should be, who has a copy, who is waited for. */

import type { FilmStatus } from '../bridge/types';
import type { Film, FilmFile, FilmReadiness, ParticipantId, RoomState } from '../wire';

/** Further off than this a person is told, in milliseconds. */
export const DRIFT_SHOWN_MS = 40;
/** How far the buttons jump, in milliseconds. */
export const JUMP_MS = 10_000;
/** Speeds that are offered, in thousandths. */
export const SPEEDS_PERMILLE: readonly number[] = [250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000];
/** What the room takes into its playlist. */
export const PLAYLIST_MAX = 32;

/** Whether it plays for everybody now. */
export function filmRuns({ anchor }: Film): boolean {
  return anchor.playing && anchor.hold === null;
}

/** Where everybody should be, in milliseconds. */
export function filmPosition(film: Film, roomNowMs: number | null): number {
  const { anchor, file } = film;
  const gone = filmRuns(film) && roomNowMs !== null ? (Math.max(0, roomNowMs - anchor.at_ms) * anchor.rate_permille) / 1_000 : 0;
  const end = file === null || file.duration_ms === 0 ? Infinity : file.duration_ms;
  return Math.min(end, anchor.position_ms + gone);
}

/** Null while nobody knows. */
export function filmLength(film: Film, status: FilmStatus | null): number | null {
  const told = film.file?.duration_ms ?? 0;
  return told > 0 ? told : (status?.durationMs ?? null);
}

export interface HoldLook {
  names: string[];
  /** We are among them. */
  you: boolean;
  leftMs: number;
}

/** Who is waited for, and for how long still; null when nobody is. */
export function holdOf(room: RoomState, you: ParticipantId, roomNowMs: number | null): HoldLook | null {
  const { hold } = room.film.anchor;
  if (hold === null) return null;
  const others = hold.waiting_for.filter((id) => id !== you);
  const names = others.flatMap((id) => room.members.find((member) => member.id === id)?.name ?? []);
  const leftMs = roomNowMs === null ? 0 : Math.max(0, hold.until_ms - roomNowMs);
  return { names, you: others.length < hold.waiting_for.length, leftMs };
}

export interface MarkRow {
  id: ParticipantId;
  name: string;
  isYou: boolean;
  /** Null: nothing is known of a copy. */
  readiness: FilmReadiness | null;
  sure: boolean;
}

/** Everybody and their copy: who is waited for first, who has none last. */
export function marksOf(room: RoomState, you: ParticipantId): MarkRow[] {
  const order: readonly (FilmReadiness | null)[] = ['buffering', 'not_ready', 'mismatched', 'ready', 'closed', null];
  const rows = room.members.map(({ id, name }): MarkRow => {
    const mark = room.film.marks.find((one) => one.id === id);
    return { id, name, isYou: id === you, readiness: mark?.readiness ?? null, sure: mark?.sure ?? false };
  });
  return rows.sort((a, b) => order.indexOf(a.readiness) - order.indexOf(b.readiness) || a.id - b.id);
}

/** Our copy as the room names it. */
export function ownFile({ identity, durationMs }: FilmStatus): FilmFile {
  const { name, sizeBytes, sample, sha256 } = identity;
  return { name, size_bytes: sizeBytes, duration_ms: Math.round(durationMs ?? 0), sample, sha256 };
}

/** Whether two entries of a playlist are the same film. */
export function isSameFilm(a: FilmFile, b: FilmFile): boolean {
  return a.name === b.name && a.size_bytes === b.size_bytes && a.sample === b.sample;
}
