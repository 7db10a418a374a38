/** Questions as the panel shows them: in which order, what is new, and what we may do with each. */

import type { Event, ParticipantId, Question, QuestionId, RoomState } from '../wire';
import { mayIn } from './permission';

/** For how long a new question stands as a banner while the panel is closed, in milliseconds. */
export const BANNER_SHOWN_MS = 8_000;

/** What is worth a banner, a number at the button and a sentence. */
export interface QuestionNews {
  readonly what: 'asked' | 'answered';
  readonly question: QuestionId;
  readonly atMs: number;
}

export interface QuestionsState {
  readonly open: boolean;
  /** Questions of others that came, and answers to ours, since the panel was last open. */
  readonly unread: number;
  readonly banner: QuestionNews | null;
}

export const NO_QUESTIONS: QuestionsState = { open: false, unread: 0, banner: null };

/** What an event of the room means for who has not got the panel open. `before` is the room without it. */
export function event(
  state: QuestionsState,
  before: RoomState,
  event: Event,
  you: ParticipantId,
  atMs: number,
): QuestionsState {
  switch (event.type) {
    case 'question_asked': {
      const { question } = event.payload;
      if (isKnown(before, question.id) || isOwn(before, question, you)) return state;
      return news(state, { what: 'asked', question: question.id, atMs });
    }
    // Of an anonymous one of ours only this says whose it is: it comes right behind the question.
    case 'question_mine': {
      const { question } = event.payload;
      return state.banner?.question === question
        ? { ...state, banner: null, unread: Math.max(0, state.unread - 1) }
        : state;
    }
    case 'question_answered': {
      const { question, answer } = event.payload;
      if (!before.mine.questions.includes(question) || answer.by === you) return state;
      return news(state, { what: 'answered', question, atMs });
    }
    case 'question_withdrawn':
    case 'question_taken_back':
      return state.banner?.question === event.payload.question ? { ...state, banner: null } : state;
    default:
      return state;
  }
}

/** A snapshot after a lost link: what came meanwhile is unread. */
export function snapshot(state: QuestionsState, before: RoomState, now: RoomState): QuestionsState {
  if (state.open) return state;
  const came = now.questions.filter(({ id }) => !isKnown(before, id) && !now.mine.questions.includes(id));
  return { ...state, unread: state.unread + came.length };
}

export function opened(state: QuestionsState): QuestionsState {
  return { ...state, open: true, unread: 0, banner: null };
}

export function closed(state: QuestionsState): QuestionsState {
  return state.open ? { ...state, open: false } : state;
}

/** The banner while it is fresh. */
export function banner(state: QuestionsState, atMs: number): QuestionNews | null {
  const { banner } = state;
  return banner !== null && atMs - banner.atMs < BANNER_SHOWN_MS ? banner : null;
}

export function dismissBanner(state: QuestionsState): QuestionsState {
  return { ...state, banner: null };
}

/** Whether there is anything to show: questions are taken, or some were. */
export function isShown(room: RoomState): boolean {
  return room.settings.questions.open || room.questions.length > 0;
}

/** The panel, part by part; a question stands in one of them. */
export interface Arranged {
  /** Those that wait until they are let through, oldest first. To who may not do that: their own. */
  review: Question[];
  /** Pinned first, then by votes, then by age. */
  open: Question[];
  /** Answered last first. */
  answered: Question[];
  hidden: Question[];
}

export function arrange(questions: readonly Question[]): Arranged {
  const arranged: Arranged = { review: [], open: [], answered: [], hidden: [] };
  for (const question of questions) {
    if (question.hidden) arranged.hidden.push(question);
    else if (question.in_review) arranged.review.push(question);
    else if (question.answer !== null) arranged.answered.push(question);
    else arranged.open.push(question);
  }
  arranged.review.sort(byAge);
  arranged.hidden.sort(byAge);
  arranged.open.sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.votes - a.votes || byAge(a, b));
  arranged.answered.sort(
    (a, b) => Number(b.pinned) - Number(a.pinned) || (b.answer?.at_ms ?? 0) - (a.answer?.at_ms ?? 0) || byAge(a, b),
  );
  return arranged;
}

/** What we are to a question, and may do with it. */
export interface Rights {
  isMine: boolean;
  voted: boolean;
  /** False: we may not vote here at all. */
  mayVote: boolean;
  /** Answer, pin, hide, let through. */
  mayAnswer: boolean;
}

export function rightsOn(room: RoomState, you: ParticipantId, question: Question): Rights {
  return {
    isMine: room.mine.questions.includes(question.id),
    voted: room.mine.votes.includes(question.id),
    mayVote: mayIn(room, you, 'vote') && !question.hidden && !question.in_review,
    mayAnswer: mayIn(room, you, 'answer_questions'),
  };
}

/** Why nothing can be asked now; null when it can. */
export function askLack(room: RoomState, you: ParticipantId): 'closed' | 'not_allowed' | null {
  if (!room.settings.questions.open) return 'closed';
  return mayIn(room, you, 'ask') ? null : 'not_allowed';
}

function news(state: QuestionsState, banner: QuestionNews): QuestionsState {
  return state.open ? state : { ...state, unread: state.unread + 1, banner };
}

function isKnown(room: RoomState, id: QuestionId): boolean {
  return room.questions.some((kept) => kept.id === id);
}

function isOwn(room: RoomState, question: Question, you: ParticipantId): boolean {
  return question.from === you || room.mine.questions.includes(question.id);
}

function byAge(a: Question, b: Question): number {
  return a.at_ms - b.at_ms || a.id - b.id;
}
