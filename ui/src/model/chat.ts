/** The chat as we hold it: lines that came, pages of history, what is unread, what is on its way. */

import type { Event, FileId, Line, LineId, ParticipantId } from '../wire';
import { CHAT_PAGE_LINES } from './limits';

/** Lines held at most; older ones are fetched again when somebody scrolls there. */
export const LINES_KEPT_MAX = 2_000;
/** For how long a new line stands as a banner while the panel is closed, in milliseconds. */
export const BANNER_SHOWN_MS = 6_000;
/** Own lines that wait for the server's answer at most. */
export const PENDING_MAX = 20;

/** A line of ours that the server has not answered yet, or has refused. */
export interface Pending {
  key: number;
  text: string;
  /** The server's sentence when it said no. */
  refused: string | null;
}

export interface ChatState {
  /** Oldest first, without gaps. */
  readonly lines: readonly Line[];
  /** Whether there are older ones at the server. */
  readonly more: boolean;
  readonly loading: boolean;
  readonly open: boolean;
  /** Lines of others since the panel was last open. */
  readonly unread: number;
  /** Where to draw the mark of what is new; kept while the panel is open. */
  readonly firstUnread: LineId | null;
  readonly banner: { line: Line; atMs: number } | null;
  readonly pending: readonly Pending[];
  /** A line that the person wants to see; the panel scrolls to it. */
  readonly pointed: LineId | null;
}

export const NO_CHAT: ChatState = {
  lines: [],
  more: false,
  loading: false,
  open: false,
  unread: 0,
  firstUnread: null,
  banner: null,
  pending: [],
  pointed: null,
};

/** The lines of a snapshot: after a lost link those that we hold stay, unless some are missing between. */
export function snapshot(chat: ChatState, newest: Line[]): ChatState {
  const first = newest[0];
  const last = chat.lines.at(-1);
  const joined = first !== undefined && last !== undefined && first.id <= last.id + 1;
  const older = joined ? chat.lines.filter((line) => line.id < first.id) : [];
  const came = joined ? newest.filter((line) => line.id > last.id).length : 0;
  return {
    ...chat,
    lines: [...older, ...newest],
    more: older.length > 0 ? chat.more : newest.length >= CHAT_PAGE_LINES,
    loading: false,
    unread: chat.open ? 0 : chat.unread + came,
  };
}

/** What an event of the room changes in the chat. */
export function event(chat: ChatState, event: Event, you: ParticipantId, atMs: number): ChatState {
  switch (event.type) {
    case 'line_said':
      return said(chat, event.payload.line, you, atMs);
    case 'line_deleted':
      return deleted(chat, event.payload.line);
    default:
      return chat;
  }
}

export function opened(chat: ChatState): ChatState {
  return { ...chat, open: true, unread: 0, banner: null };
}

export function closed(chat: ChatState): ChatState {
  return { ...chat, open: false, firstUnread: null, pointed: null };
}

/** What to ask for to see older lines; null when there are none, or some are already asked for. */
export function olderWanted(chat: ChatState): { before: LineId; lines_max: number } | null {
  const first = chat.lines[0];
  if (!chat.more || chat.loading || first === undefined) return null;
  return { before: first.id, lines_max: CHAT_PAGE_LINES };
}

export function loadingOlder(chat: ChatState): ChatState {
  return { ...chat, loading: true };
}

/** A page of history arrived; null when it was refused. */
export function tookOlder(chat: ChatState, page: { lines: Line[]; more: boolean } | null): ChatState {
  if (page === null) return { ...chat, loading: false };
  const first = chat.lines[0];
  const older = first === undefined ? page.lines : page.lines.filter((line) => line.id < first.id);
  return { ...chat, lines: [...older, ...chat.lines], more: page.more, loading: false };
}

/**
 * What stands nearest to a moment (milliseconds since the Unix epoch): the first line after it, else the
 * last before it. `missing` when older lines have to be fetched first.
 */
export function nearest(chat: ChatState, atMs: number): Line | 'missing' | null {
  const first = chat.lines[0];
  if (first === undefined) return null;
  if (first.at_ms > atMs && chat.more) return 'missing';
  return chat.lines.find((line) => line.at_ms >= atMs) ?? chat.lines.at(-1) ?? null;
}

/** Shows a line to the person. */
export function pointTo(chat: ChatState, line: LineId): ChatState {
  return { ...chat, pointed: line };
}

/** We wrote a line: it stands below the others until the server has answered. */
export function writing(chat: ChatState, key: number, text: string): ChatState {
  const pending = [...chat.pending, { key, text, refused: null }].slice(-PENDING_MAX);
  return { ...chat, pending };
}

export function written(chat: ChatState, key: number): ChatState {
  return { ...chat, pending: chat.pending.filter((line) => line.key !== key) };
}

export function refused(chat: ChatState, key: number, why: string): ChatState {
  const pending = chat.pending.map((line) => (line.key === key ? { ...line, refused: why } : line));
  return { ...chat, pending };
}

/** The banner while it is fresh. */
export function banner(chat: ChatState, atMs: number): Line | null {
  const { banner } = chat;
  return banner !== null && atMs - banner.atMs < BANNER_SHOWN_MS ? banner.line : null;
}

export function dismissBanner(chat: ChatState): ChatState {
  return { ...chat, banner: null };
}

/** The file that a line tells of. */
export function fileOf(line: Line): FileId | null {
  return line.kind.type === 'file' ? line.kind.payload.file : null;
}

/** Whether a line speaks to somebody by `@name`, in any case of letters. */
export function mentions(text: string, name: string): boolean {
  const [given] = name.split(/\s+/u);
  const lower = text.toLocaleLowerCase();
  return [name, given ?? name].some((called) => {
    const at = lower.indexOf(`@${called.toLocaleLowerCase()}`);
    if (called === '' || at < 0) return false;
    const after = lower.slice(at + called.length + 1);
    return !/^[\p{L}\p{N}_]/u.test(after);
  });
}

function said(chat: ChatState, line: Line, you: ParticipantId, atMs: number): ChatState {
  const last = chat.lines.at(-1);
  // Told twice after a lost link.
  if (last !== undefined && line.id <= last.id) return chat;
  const over = chat.lines.length + 1 - LINES_KEPT_MAX;
  const kept = over > 0 ? chat.lines.slice(over) : chat.lines;
  const grown = { ...chat, lines: [...kept, line], more: chat.more || over > 0 };
  if (line.kind.type === 'system') return grown;
  if (line.from === you) return { ...grown, pending: withoutFirst(chat.pending, line.text) };
  if (chat.open) return grown;
  return {
    ...grown,
    unread: chat.unread + 1,
    firstUnread: chat.firstUnread ?? line.id,
    banner: { line, atMs },
  };
}

function deleted(chat: ChatState, id: LineId): ChatState {
  const lines = chat.lines.map((line) => (line.id === id ? { ...line, deleted: true, text: '' } : line));
  return { ...chat, lines, banner: chat.banner?.line.id === id ? null : chat.banner };
}

/** The event of our own line comes before its answer: from then on the line stands for itself. */
function withoutFirst(pending: readonly Pending[], text: string): readonly Pending[] {
  const at = pending.findIndex((line) => line.refused === null && line.text.trim() === text.trim());
  return at < 0 ? pending : pending.filter((_, index) => index !== at);
}
