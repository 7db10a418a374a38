import { describe, expect, it } from 'vitest';
import recorded from '../../tests/fixtures/replica.json';
import type { Event, Question, RoomState } from '../wire';
import { apply } from './replica';
import { line, member, room } from './testing/room';

const question = (id: number, change: Partial<Question> = {}): Question => ({
  id,
  from: 2,
  name: 'Bo',
  text: `question ${String(id)}`,
  at_ms: 0,
  moment_ms: 0,
  votes: 0,
  pinned: false,
  hidden: false,
  in_review: false,
  answer: null,
  ...change,
});

describe('people', () => {
  it('stand in order of their ids, whoever comes back', () => {
    const came = apply(room(), { type: 'participant_joined', payload: { member: member(2, 'Bo again') } });
    expect(came.members.map((one) => [one.id, one.name])).toEqual([
      [1, 'Ada'],
      [2, 'Bo again'],
      [3, 'Cy'],
    ]);
  });

  it('take their hand, their place in the queue, the slot and the spotlight along', () => {
    const before = room({ floor: { presenter: 2, queue: [3, 2], hands: [2, 3] }, spotlight: 2 });
    const after = apply(before, { type: 'participant_left', payload: { id: 2, reason: 'left' } });
    expect(after.floor).toEqual({ presenter: null, queue: [3], hands: [3] });
    expect(after.spotlight).toBeNull();
    expect(after.members.map((one) => one.id)).toEqual([1, 3]);
  });

  it('change one at a time', () => {
    const media = { microphone: true, camera: true, sound: true };
    let now = room();
    const events: Event[] = [
      { type: 'participant_away', payload: { id: 2, away: true } },
      { type: 'participant_renamed', payload: { id: 2, name: 'Boo' } },
      { type: 'role_changed', payload: { id: 2, role: 'co_host', why: 'given' } },
      { type: 'media_changed', payload: { id: 2, media, held_mute: true } },
    ];
    for (const event of events) now = apply(now, event);
    expect(now.members[1]).toEqual(member(2, 'Boo', { away: true, role: 'co_host', media, held_mute: true }));
    expect(now.members[0]).toEqual(room().members[0]);
  });

  it('who are not there change nothing', () => {
    const media = { microphone: true, camera: false, sound: true };
    expect(apply(room(), { type: 'media_changed', payload: { id: 9, media, held_mute: false } })).toEqual(room());
  });
});

describe('the door', () => {
  it('keeps who waits in the order they came', () => {
    const waiter = (id: number) => ({ id, name: 'Di', since_ms: id });
    let now = room();
    for (const id of [1, 2, 1]) now = apply(now, { type: 'waiting_arrived', payload: { waiter: waiter(id) } });
    expect(now.waiting.map((one) => one.id)).toEqual([2, 1]);
    expect(apply(now, { type: 'waiting_left', payload: { id: 2 } }).waiting.map((one) => one.id)).toEqual([1]);
  });
});

describe('hands', () => {
  it('go to the end when raised and leave the others in order', () => {
    let now = room();
    for (const id of [3, 1, 2]) now = apply(now, { type: 'hand_raised', payload: { id } });
    expect(now.floor.hands).toEqual([3, 1, 2]);
    expect(apply(now, { type: 'hand_lowered', payload: { id: 1 } }).floor.hands).toEqual([3, 2]);
    expect(apply(now, { type: 'hands_lowered' }).floor.hands).toEqual([]);
  });
});

describe('lines', () => {
  it('of a snapshot are the newest fifty', () => {
    let now = room();
    for (let id = 1; id <= 60; id += 1) now = apply(now, { type: 'line_said', payload: { line: line(id, 1, 'x') } });
    expect(now.lines).toHaveLength(50);
    expect(now.lines[0]?.id).toBe(11);
  });

  it('that were taken back stay, without their text', () => {
    const before = room({ lines: [line(1, 1, 'oh'), line(2, 1, 'no')] });
    const after = apply(before, { type: 'line_deleted', payload: { line: 2 } });
    expect(after.lines[1]).toEqual({ ...line(2, 1, ''), deleted: true });
    expect(after.lines[0]).toEqual(before.lines[0]);
  });
});

describe('questions', () => {
  it('stand in order of ids, and a newer telling takes the place of an older', () => {
    let now = room();
    for (const one of [question(2), question(1), question(2, { votes: 3 })]) {
      now = apply(now, { type: 'question_asked', payload: { question: one } });
    }
    expect(now.questions).toEqual([question(1), question(2, { votes: 3 })]);
  });

  it('count their votes, and know which are ours', () => {
    let now = room({ questions: [question(1), question(2)] });
    now = apply(now, { type: 'votes_counted', payload: { counts: [{ question: 2, votes: 5 }] } });
    now = apply(now, { type: 'vote_changed', payload: { question: 2, voted: true } });
    now = apply(now, { type: 'vote_changed', payload: { question: 1, voted: true } });
    now = apply(now, { type: 'vote_changed', payload: { question: 2, voted: false } });
    expect(now.questions.map((one) => one.votes)).toEqual([0, 5]);
    expect(now.mine.votes).toEqual([1]);
  });

  it('that are taken back are nobody’s', () => {
    let now = room({ questions: [question(1)], mine: { questions: [1], votes: [1] } });
    now = apply(now, { type: 'question_taken_back', payload: { question: 1 } });
    expect(now).toEqual(room());
  });
});

describe('what `proto/core` made of some hundred events', () => {
  it('is what we make of them', () => {
    let now = recorded.room as RoomState;
    let looks = 0;
    recorded.steps.forEach((step, at) => {
      now = apply(now, step.event as Event);
      if (step.room === null) return;
      looks += 1;
      expect(now, `after ${String(at + 1)} events`).toEqual(step.room);
    });
    expect(looks).toBeGreaterThan(10);
  });
});

describe('a room', () => {
  it('is never changed in place', () => {
    const before = Object.freeze(room({ members: Object.freeze(room().members) as never }));
    expect(() => apply(before, { type: 'participant_joined', payload: { member: member(4, 'Di') } })).not.toThrow();
    expect(before.members).toHaveLength(3);
  });

  it('stays as it is at an event that this page does not know', () => {
    const unknown = { type: 'something_new', payload: {} } as unknown as Event;
    expect(apply(room(), unknown)).toEqual(room());
  });
});
