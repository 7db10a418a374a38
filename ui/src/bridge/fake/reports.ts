/** A report that is made up. */

import type { MeetingReport, ReportPort } from '../report';
import { RefusalError } from '../types';
import { pause } from './devices';

const ANSWER_MS = 120;
const MINUTE_MS = 60_000;
const OPENED = Date.UTC(2026, 2, 3, 9, 0);

const person = (participant: number, name: string, role: MeetingReport['people'][number]['role'], from: number, until: number | null) => ({
  participant,
  name,
  role,
  joined_unix_ms: OPENED + from * MINUTE_MS,
  left_unix_ms: until === null ? null : OPENED + until * MINUTE_MS,
  leave_reason: until === null ? null : ('left' as const),
});

function reportOf(slug: string): MeetingReport {
  const title = 'Introduction to waves';
  return {
    slug,
    title,
    presenter_name: 'Ada Lovelace',
    opened_unix_ms: OPENED,
    ended_unix_ms: OPENED + 47 * MINUTE_MS,
    end_reason: 'host_ended',
    is_whole: true,
    total_people: 3,
    people_at_once: 3,
    total_messages: 12,
    total_questions: 2,
    total_votes: 5,
    total_files: 1,
    total_incidents: 1,
    features: ['voice', 'questions', 'something_newer'],
    people: [person(1, 'Ada Lovelace', 'host', 0, 47), person(2, 'Tomáš Dvořák', 'participant', 2, 40), person(3, 'Farida Rahimi', 'observer', 5, null)],
    incidents: [
      {
        participant: 2,
        name: 'Tomáš Dvořák',
        began_unix_ms: OPENED + 10 * MINUTE_MS,
        until_unix_ms: OPENED + 11 * MINUTE_MS,
        round_trip_ms: 140,
        jitter_ms: 31,
        loss_permille: 42,
      },
    ],
    questions: [
      {
        question: 'Why do standing waves stand?',
        name: 'Farida Rahimi',
        asked_unix_ms: OPENED + 12 * MINUTE_MS,
        votes: 4,
        is_hidden: false,
        is_answered: true,
        answer: 'Two that run against each other have nodes that do not move.',
        answered_by: 'Ada Lovelace',
      },
      {
        question: 'Is this in the exam?',
        name: null,
        asked_unix_ms: OPENED + 30 * MINUTE_MS,
        votes: 1,
        is_hidden: true,
        is_answered: true,
        answer: null,
        answered_by: 'Ada Lovelace',
      },
    ],
    files: [{ file_name: 'waves.pdf', name: 'Ada Lovelace', size_bytes: 1_250_000, shared_unix_ms: OPENED + 3 * MINUTE_MS, is_removed: false }],
  };
}

export const pretendedReports: ReportPort = {
  async read({ slug }) {
    await pause(ANSWER_MS);
    return reportOf(slug);
  },
  async save({ slug }, kind) {
    await pause(ANSWER_MS);
    return `${slug}-report.${kind}`;
  },
  async reopen() {
    await pause(ANSWER_MS);
    throw new RefusalError('room_not_found', 'This pretended room is not kept.');
  },
};
