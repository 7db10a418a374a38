import { describe, expect, it } from 'vitest';
import { noteOf, sentenceOf } from './announce';

describe('announcements', () => {
  it('name up to three people and count the others', () => {
    const said = (...names: string[]) => sentenceOf({ type: 'joined', names });
    expect(said('Ada')).toBe('Ada joined');
    expect(said('Ada', 'Ben')).toBe('Ada and Ben joined');
    expect(said('Ada', 'Ben', 'Cleo')).toBe('Ada, Ben and Cleo joined');
    expect(said('Ada', 'Ben', 'Cleo', 'Dan', 'Eve')).toBe('Ada, Ben and 3 others joined');
  });

  it('read a message without its marks', () => {
    expect(sentenceOf({ type: 'said', name: 'Ada', text: '*now* or `never`' })).toBe('Ada: now or never');
  });

  it('say what became of a question, and why a role is another one', () => {
    expect(sentenceOf({ type: 'question', name: '', text: 'Why?', inReview: true })).toBe('Question, to let through: Why?');
    expect(sentenceOf({ type: 'question_answered', mine: true, name: 'Ada', text: null })).toBe('Your question was answered live by Ada');
    expect(sentenceOf({ type: 'role', role: 'host', why: 'passed_on' })).toBe('The host has gone. You are host now');
  });

  it('say what the clock does, and whom the film waits for', () => {
    expect(sentenceOf({ type: 'study', phase: 'focus', why: 'started', runs: true })).toBe('Focus begins');
    expect(sentenceOf({ type: 'study', phase: 'focus', why: 'ended', runs: false })).toBe('Focus waits to be started');
    expect(sentenceOf({ type: 'film_held', names: ['Bo', 'Cy'], you: true })).toBe('The film waits for you, Bo and Cy');
    expect(sentenceOf({ type: 'film_held', names: [], you: false })).toBe('The film waits for somebody');
  });

  it('say how long is left in words', () => {
    expect(sentenceOf({ type: 'time_left', ms: 600_000 })).toBe('10 min left');
    expect(sentenceOf({ type: 'time_left', ms: 61_000 })).toBe('1 min 1 s left');
  });
});

describe('notes of the system', () => {
  it('are for messages that name the person, and no others', () => {
    expect(noteOf({ type: 'said', name: 'Ben', text: 'ask @ada' }, 'Ada Lovelace')).toBe('Ben mentioned you');
    expect(noteOf({ type: 'said', name: 'Ben', text: 'ask ada' }, 'Ada Lovelace')).toBeNull();
  });

  it('are for hands, the door and the time, and not for who comes and goes', () => {
    expect(noteOf({ type: 'hand_raised', name: 'Ben' }, 'Ada')).not.toBeNull();
    expect(noteOf({ type: 'waiting', name: 'Ben' }, 'Ada')).not.toBeNull();
    expect(noteOf({ type: 'time_left', ms: 60_000 }, 'Ada')).not.toBeNull();
    expect(noteOf({ type: 'joined', names: ['Ben'] }, 'Ada')).toBeNull();
  });
});
