import { describe, expect, it } from 'vitest';
import type { Event, Question } from '../wire';
import { member, room, SETTINGS } from './testing/room';
import { NO_QUESTIONS, arrange, askLack, banner, closed, event, isShown, opened, rightsOn, snapshot, BANNER_SHOWN_MS } from './questions';
import { apply } from './replica';

const YOU = 2;

function question(id: number, change: Partial<Question> = {}): Question {
  return {
    id,
    from: 1,
    name: 'Ada',
    text: `question ${String(id)}`,
    at_ms: 1_000 * id,
    moment_ms: 60_000 * id,
    votes: 0,
    pinned: false,
    hidden: false,
    in_review: false,
    answer: null,
    ...change,
  };
}

const asked = (change: Question): Event => ({ type: 'question_asked', payload: { question: change } });
const answer = (at_ms: number) => ({ by: 1, name: 'Ada', text: null, at_ms, moment_ms: 0 });
const ids = (questions: Question[]): number[] => questions.map(({ id }) => id);

describe('the order of questions', () => {
  it('is pinned first, then by votes, then the older first', () => {
    const arranged = arrange([
      question(1),
      question(2, { votes: 3 }),
      question(3, { votes: 3 }),
      question(4, { pinned: true }),
      question(5, { votes: 9 }),
    ]);
    expect(ids(arranged.open)).toEqual([4, 5, 2, 3, 1]);
  });

  it('keeps what waits, what is answered and what is hidden apart', () => {
    const arranged = arrange([
      question(1, { in_review: true }),
      question(2, { answer: answer(5_000) }),
      question(3, { answer: answer(9_000) }),
      question(4, { hidden: true, answer: answer(1) }),
      question(5, { in_review: true, hidden: true }),
      question(6),
    ]);
    expect(ids(arranged.review)).toEqual([1]);
    expect(ids(arranged.answered)).toEqual([3, 2]);
    expect(ids(arranged.hidden)).toEqual([4, 5]);
    expect(ids(arranged.open)).toEqual([6]);
  });
});

describe('what is new', () => {
  it('counts questions of others while the panel is closed, each once', () => {
    const before = room();
    const one = event(NO_QUESTIONS, before, asked(question(1)), YOU, 0);
    expect(one.unread).toBe(1);
    const after = apply(before, asked(question(1)));
    expect(event(one, after, asked(question(1, { votes: 4 })), YOU, 0).unread).toBe(1);
    expect(event(opened(one), after, asked(question(2)), YOU, 0).unread).toBe(0);
  });

  it('does not count our own, not even when it was asked without a name', () => {
    const before = room();
    expect(event(NO_QUESTIONS, before, asked(question(1, { from: YOU })), YOU, 0).unread).toBe(0);
    const nameless = event(NO_QUESTIONS, before, asked(question(2, { from: null, name: '' })), YOU, 0);
    const mine: Event = { type: 'question_mine', payload: { question: 2 } };
    expect(event(nameless, before, mine, YOU, 0)).toMatchObject({ unread: 0, banner: null });
  });

  it('tells that ours was answered, and forgets a banner of what is gone', () => {
    const before = room({ questions: [question(1)], mine: { questions: [1], votes: [] } });
    const answered: Event = { type: 'question_answered', payload: { question: 1, answer: answer(1) } };
    const told = event(NO_QUESTIONS, before, answered, YOU, 100);
    expect(banner(told, 200)).toMatchObject({ what: 'answered', question: 1 });
    expect(banner(told, 100 + BANNER_SHOWN_MS)).toBeNull();
    const gone: Event = { type: 'question_taken_back', payload: { question: 1 } };
    expect(event(told, before, gone, YOU, 300).banner).toBeNull();
  });

  it('counts after a lost link what came meanwhile', () => {
    const before = room({ questions: [question(1)] });
    const now = room({ questions: [question(1), question(2), question(3)], mine: { questions: [3], votes: [] } });
    expect(snapshot(NO_QUESTIONS, before, now).unread).toBe(1);
    expect(snapshot(opened(NO_QUESTIONS), before, now).unread).toBe(0);
    expect(closed(opened(NO_QUESTIONS))).toEqual(NO_QUESTIONS);
  });
});

describe('what we may do', () => {
  const open = { ...SETTINGS, questions: { open: true, anonymous: false, reviewed: false } };

  it('follows the role, and nobody votes for what is out of sight', () => {
    const place = room({ settings: open, mine: { questions: [2], votes: [1] } });
    expect(rightsOn(place, YOU, question(1))).toEqual({ isMine: false, voted: true, mayVote: true, mayAnswer: false });
    expect(rightsOn(place, YOU, question(2, { in_review: true }))).toMatchObject({ isMine: true, mayVote: false });
    expect(rightsOn(place, 1, question(1, { hidden: true }))).toMatchObject({ mayVote: false, mayAnswer: true });
  });

  it('is to ask while questions are taken, unless the room does not let observers', () => {
    expect(askLack(room(), YOU)).toBe('closed');
    expect(askLack(room({ settings: open }), YOU)).toBeNull();
    const observers = { ...open, observers: { react: true, vote: true, ask: false } };
    const members = [member(YOU, 'Bo', { role: 'observer' })];
    expect(askLack(room({ settings: observers, members }), YOU)).toBe('not_allowed');
  });

  it('shows the panel as long as there is something in it', () => {
    expect(isShown(room())).toBe(false);
    expect(isShown(room({ settings: open }))).toBe(true);
    expect(isShown(room({ questions: [question(1)] }))).toBe(true);
  });
});
