/** Questions of a pretended room: those that stand there from the beginning, and what commands do with them. */

import { mayIn } from '../../model/permission';
import type { Answer, Command, Permission, Question, Reply } from '../../wire';
import { actor } from './people';
import { type PretendRoom, Refused } from './rules';

const NOTHING: Reply = { type: 'nothing' };
const MINUTE_MS = 60_000;

/** What was asked before we came, at `clockMs` of the room clock. */
export function askedBefore(clockMs: number): Question[] {
  const ago = (minutes: number) => ({ at_ms: Date.now() - minutes * MINUTE_MS, moment_ms: clockMs - minutes * MINUTE_MS });
  const question = (id: number, from: number | null, text: string, minutes: number, change: Partial<Question>): Question => ({
    id,
    from,
    name: from === null ? '' : actor(from - 1).name,
    text,
    ...ago(minutes),
    votes: 0,
    pinned: false,
    hidden: false,
    in_review: false,
    answer: null,
    ...change,
  });
  const answer = (text: string | null, minutes: number): Answer => ({ by: 1, name: actor(0).name, text, ...ago(minutes) });
  return [
    question(1, 4, 'Will the slides be shared afterwards?', 11, { votes: 3, answer: answer('Yes: they are in *Files* already.', 9) }),
    question(2, null, 'How does the second figure fit with the measurements of last year, which were much lower for the same load?', 8, { votes: 12 }),
    question(3, 2, 'Which instrument was used?', 7, { votes: 4, pinned: true }),
    question(4, 5, 'هل يمكن إعادة الشريحة الأخيرة؟', 5, { votes: 4 }),
    question(5, 3, 'Could the windows be opened?', 4, { answer: answer(null, 3) }),
    question(6, null, 'Who pays for all of this?', 2, { hidden: true }),
    question(7, 4, 'Can we do the experiment ourselves?', 1, { in_review: true }),
  ];
}

/** Does what `by` asks, if it is about questions; null for all else. Throws {@link Refused}. */
export function doQuestion(room: PretendRoom, by: number, command: Command): Reply | null {
  const allowed = (what: Permission) => {
    if (!mayIn(room.state, by, what)) throw new Refused('not_allowed');
  };
  const known = (id: number): Question => {
    const found = room.state.questions.find((question) => question.id === id);
    if (found === undefined) throw new Refused('no_such_question');
    return found;
  };
  switch (command.type) {
    case 'ask_question': {
      allowed('ask');
      const rules = room.state.settings.questions;
      if (!rules.open) throw new Refused('questions_closed');
      const { text, anonymous } = command.payload;
      if (anonymous && !rules.anonymous) throw new Refused('nameless_forbidden');
      const id = Math.max(0, ...room.state.questions.map((question) => question.id)) + 1;
      const question: Question = {
        id,
        from: anonymous ? null : by,
        name: anonymous ? '' : (room.member(by)?.name ?? ''),
        text: text.trim(),
        at_ms: Date.now(),
        moment_ms: room.clock(),
        votes: 0,
        pinned: false,
        hidden: false,
        in_review: rules.reviewed,
        answer: null,
      };
      room.happen({ type: 'question_asked', payload: { question } }, { type: 'question_mine', payload: { question: id } });
      return { type: 'question', payload: { question: id } };
    }
    case 'take_back_question':
      known(command.payload.question);
      room.happen({ type: 'question_taken_back', payload: command.payload });
      return NOTHING;
    case 'vote_question': {
      allowed('vote');
      const { question, voted } = command.payload;
      const { votes } = known(question);
      if (room.state.mine.votes.includes(question) === voted) return NOTHING;
      const counts = [{ question, votes: votes + (voted ? 1 : -1) }];
      room.happen({ type: 'vote_changed', payload: { question, voted } }, { type: 'votes_counted', payload: { counts } });
      return NOTHING;
    }
    case 'pin_question':
      allowed('answer_questions');
      room.happen({ type: 'question_pinned', payload: command.payload });
      return NOTHING;
    case 'hide_question':
      allowed('answer_questions');
      room.happen({ type: 'question_hidden', payload: command.payload });
      return NOTHING;
    case 'approve_question':
      allowed('answer_questions');
      room.happen({ type: 'question_approved', payload: command.payload });
      return NOTHING;
    case 'answer_question': {
      allowed('answer_questions');
      const { question, text } = command.payload;
      known(question);
      const answer = { by, name: room.member(by)?.name ?? '', text, at_ms: Date.now(), moment_ms: room.clock() };
      room.happen({ type: 'question_answered', payload: { question, answer } });
      return NOTHING;
    }
    default:
      return null;
  }
}
