/** What came of a meeting, as its hosts read it. Times are milliseconds since the Unix epoch. */

import type { EndReason, LeaveReason, ParticipantId, Role } from '../wire';

export interface MeetingReport {
  slug: string;
  title: string;
  presenter_name: string;
  opened_unix_ms: number;
  /** Null while the meeting goes on. */
  ended_unix_ms: number | null;
  end_reason: EndReason | null;
  /** Whether names, questions and files are still kept. */
  is_whole: boolean;
  total_people: number;
  people_at_once: number;
  total_messages: number;
  total_questions: number;
  total_votes: number;
  total_files: number;
  total_incidents: number;
  /** Names of what was used. */
  features: string[];
  people: Presence[];
  incidents: Incident[];
  questions: AskedQuestion[];
  files: SharedInMeeting[];
}

/** Somebody's time in a meeting; who comes back after leaving is there twice. */
export interface Presence {
  participant: ParticipantId;
  name: string;
  role: Role;
  joined_unix_ms: number;
  left_unix_ms: number | null;
  leave_reason: LeaveReason | null;
}

/** A time at which somebody's link was poor, with the worst of each figure. */
export interface Incident {
  participant: ParticipantId;
  name: string;
  began_unix_ms: number;
  until_unix_ms: number;
  round_trip_ms: number;
  jitter_ms: number;
  loss_permille: number;
}

export interface AskedQuestion {
  question: string;
  /** Null when it was asked anonymously. */
  name: string | null;
  asked_unix_ms: number;
  votes: number;
  is_hidden: boolean;
  is_answered: boolean;
  /** Null also when it was answered live. */
  answer: string | null;
  answered_by: string | null;
}

export interface SharedInMeeting {
  file_name: string;
  name: string;
  size_bytes: number;
  shared_unix_ms: number;
  is_removed: boolean;
}

export type ReportKind = 'csv' | 'json';

/** What hosts do with a room that is over, or goes on: by the host key of its link, or by the seat that they had there last. */
export interface ReportPort {
  /** Rejects with `RefusalError`: `not_allowed`, `room_not_found` when nothing is kept. */
  read(link: RoomOfReport): Promise<MeetingReport>;
  /** Keeps it as a file on this machine; resolves with its name, null when the person thought better of it. */
  save(link: RoomOfReport, kind: ReportKind): Promise<string | null>;
  /** Opens a room again that has ended and is still kept; only the host key does. */
  reopen(link: RoomOfReport): Promise<void>;
}

/** What of a room's link is needed. */
export interface RoomOfReport {
  slug: string;
  hostKey: string | null;
  server: string | null;
}
