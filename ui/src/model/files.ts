/** Files of the room, and what we send and fetch. */

import type { Transfer } from '../bridge/types';
import type { Event, FileId, ParticipantId, RoomState, SharedFile } from '../wire';

/** Transfers that are held at most; the oldest finished ones go first. */
export const TRANSFERS_KEPT_MAX = 100;

export interface FilesState {
  /** In the order in which they began. */
  readonly transfers: readonly Transfer[];
  readonly open: boolean;
  /** Files of others since the panel was last open. */
  readonly unread: number;
}

export const NO_FILES: FilesState = { transfers: [], open: false, unread: 0 };

export function event(files: FilesState, event: Event, you: ParticipantId): FilesState {
  if (event.type !== 'file_shared' || files.open || event.payload.file.owner === you) return files;
  return { ...files, unread: files.unread + 1 };
}

/** News of a transfer: it is always told whole. */
export function transfer(files: FilesState, news: Transfer): FilesState {
  const known = files.transfers.some((transfer) => transfer.id === news.id);
  const transfers = known
    ? files.transfers.map((transfer) => (transfer.id === news.id ? news : transfer))
    : [...files.transfers, news];
  return { ...files, transfers: withoutOldest(transfers) };
}

/** Takes a finished transfer off the list. */
export function dismiss(files: FilesState, id: number): FilesState {
  const stays = (transfer: Transfer) => transfer.id !== id || !isOver(transfer);
  return { ...files, transfers: files.transfers.filter(stays) };
}

export function opened(files: FilesState): FilesState {
  return { ...files, open: true, unread: 0 };
}

export function closed(files: FilesState): FilesState {
  return { ...files, open: false };
}

export function isOver(transfer: Transfer): boolean {
  const { state } = transfer.state;
  return state === 'done' || state === 'cancelled' || state === 'failed';
}

/** 0 to 1. */
export function share(transfer: Transfer): number {
  if (transfer.sizeBytes === 0) return isOver(transfer) ? 1 : 0;
  return Math.min(1, transfer.doneBytes / transfer.sizeBytes);
}

/** Until it is done at this speed, in seconds; null while that cannot be said. */
export function secondsLeft(transfer: Transfer): number | null {
  if (transfer.state.state !== 'going' || transfer.bytesPerSecond <= 0) return null;
  return Math.ceil((transfer.sizeBytes - transfer.doneBytes) / transfer.bytesPerSecond);
}

/** A row of the files panel. */
export interface FileRow {
  file: SharedFile;
  isOurs: boolean;
  /** Null when the owner has left. */
  ownerName: string | null;
  /** The newest download of it. */
  download: Transfer | null;
}

/** The newest first. */
export function fileRows(room: RoomState, files: FilesState, you: ParticipantId): FileRow[] {
  const names = new Map(room.members.map((member) => [member.id, member.name]));
  const downloads = new Map<FileId, Transfer>();
  for (const transfer of files.transfers) {
    if (transfer.direction === 'down' && transfer.file !== null) downloads.set(transfer.file, transfer);
  }
  return room.files
    .map((file) => ({
      file,
      isOurs: file.owner === you,
      ownerName: names.get(file.owner) ?? null,
      download: downloads.get(file.id) ?? null,
    }))
    .reverse();
}

/** Uploads that are not over, or failed: those that are done stand among the files. */
export function uploads(files: FilesState): Transfer[] {
  return files.transfers.filter(
    (transfer) => transfer.direction === 'up' && (!isOver(transfer) || transfer.state.state === 'failed'),
  );
}

function withoutOldest(transfers: readonly Transfer[]): readonly Transfer[] {
  if (transfers.length <= TRANSFERS_KEPT_MAX) return transfers;
  const oldest = transfers.findIndex(isOver);
  return oldest < 0 ? transfers : transfers.filter((_, index) => index !== oldest);
}
