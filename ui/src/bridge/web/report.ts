/** The report on a meeting, over HTTP. */

import { bridgeText } from '../../text/bridge';
import type { MeetingReport, ReportPort, RoomOfReport } from '../report';
import { RefusalError } from '../types';
import { saveAs } from './files/download';
import { fetchInTime, refusalOf, serverBase, snakeNames } from './http';

/** A blob's address must live until the browser has begun to write it. */
const REVOKE_AFTER_MS = 60_000;
/** Rooms that this page was in, newest last; more are hardly looked back on. */
const SEATS_KEPT_MAX = 16;

/** The last seat in each room, so that who was host there can look back on it when it is over. */
const seats = new Map<string, string>();

export function noteSeat(slug: string, seatToken: string): void {
  seats.delete(slug);
  seats.set(slug, seatToken);
  for (const oldest of seats.keys()) {
    if (seats.size <= SEATS_KEPT_MAX) return;
    seats.delete(oldest);
  }
}

export const webReports: ReportPort = {
  async read(room) {
    const response = await asked(room, 'GET', 'report');
    try {
      return snakeNames(await response.json()) as MeetingReport;
    } catch {
      throw new RefusalError('unreachable', bridgeText.unreachable);
    }
  },

  async save(room, kind) {
    const response = await asked(room, 'GET', kind === 'csv' ? 'report.csv' : 'report');
    const name = `${room.slug}-report.${kind}`;
    const url = URL.createObjectURL(await response.blob());
    saveAs(url, name);
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
    return name;
  },

  async reopen(room) {
    await asked(room, 'POST', 'reopen');
  },
};

async function asked(room: RoomOfReport, method: 'GET' | 'POST', what: string): Promise<Response> {
  const secret = room.hostKey ?? seats.get(room.slug) ?? '';
  const path = `/api/rooms/${encodeURIComponent(room.slug)}/${what}`;
  const url = new URL(path, serverBase(room.server)).href;
  const response = await fetchInTime(url, { method, headers: { Authorization: `Bearer ${secret}` } });
  if (!response.ok) throw await refusalOf(response);
  return response;
}
