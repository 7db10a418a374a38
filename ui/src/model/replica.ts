/**
 * The one place that says what an event changes in the room as we hold it. The rules are those of
 * `room::replica::apply` in `proto/core`; the fixtures of `replica.test.ts` come from there.
 */

import type { Event, Member, ParticipantId, Question, QuestionId, RoomState } from '../wire';
import { CHAT_PAGE_LINES } from './limits';
import { film, study, withoutPerson } from './replica_together';

/**
 * Brings a room up to an event. Events must be applied in the order of their numbers, each once; one
 * about something that the room does not have changes nothing.
 */
export function apply(room: RoomState, event: Event): RoomState {
  switch (event.type) {
    case 'participant_joined':
      return { ...room, members: withMember(room.members, event.payload.member) };
    case 'participant_left':
      return withoutMember(room, event.payload.id);
    case 'participant_away': {
      const { id, away } = event.payload;
      return change(room, id, (member) => ({ ...member, away }));
    }
    case 'participant_renamed': {
      const { id, name } = event.payload;
      return change(room, id, (member) => ({ ...member, name }));
    }
    case 'role_changed': {
      const { id, role } = event.payload;
      return change(room, id, (member) => ({ ...member, role }));
    }
    case 'media_changed': {
      const { id, media, held_mute } = event.payload;
      return change(room, id, (member) => ({ ...member, media, held_mute }));
    }

    case 'waiting_arrived': {
      const { waiter } = event.payload;
      const others = room.waiting.filter((kept) => kept.id !== waiter.id);
      return { ...room, waiting: [...others, waiter] };
    }
    case 'waiting_left': {
      const { id } = event.payload;
      return { ...room, waiting: room.waiting.filter((kept) => kept.id !== id) };
    }

    case 'room_retitled':
      return { ...room, title: event.payload.title };
    case 'room_locked':
      return { ...room, locked: event.payload.locked };
    case 'password_changed':
      return { ...room, has_password: event.payload.has_password };
    case 'settings_changed':
      return { ...room, settings: event.payload.settings };

    case 'floor_changed':
      return { ...room, floor: event.payload.floor };
    case 'hand_raised':
      return withHands(room, [...room.floor.hands, event.payload.id]);
    case 'hand_lowered':
      return withHands(room, without(room.floor.hands, event.payload.id));
    case 'hands_lowered':
      return withHands(room, []);
    case 'spotlight_changed':
      return { ...room, spotlight: event.payload.id };

    case 'question_asked': {
      const { question } = event.payload;
      return { ...room, questions: byId([...withoutQuestion(room.questions, question.id), question]) };
    }
    case 'question_withdrawn':
      return { ...room, questions: withoutQuestion(room.questions, event.payload.question) };
    case 'question_taken_back': {
      const { question } = event.payload;
      const mine = {
        questions: listed(room.mine.questions, question, false),
        votes: listed(room.mine.votes, question, false),
      };
      return { ...room, questions: withoutQuestion(room.questions, question), mine };
    }
    case 'question_pinned': {
      const { question, pinned } = event.payload;
      return changeQuestion(room, question, (kept) => ({ ...kept, pinned }));
    }
    case 'question_hidden': {
      const { question, hidden } = event.payload;
      return changeQuestion(room, question, (kept) => ({ ...kept, hidden }));
    }
    case 'question_approved':
      return changeQuestion(room, event.payload.question, (kept) => ({ ...kept, in_review: false }));
    case 'question_answered': {
      const { question, answer } = event.payload;
      return changeQuestion(room, question, (kept) => ({ ...kept, answer }));
    }
    case 'votes_counted': {
      const counts = new Map(event.payload.counts.map(({ question, votes }) => [question, votes]));
      const questions = room.questions.map((kept) => ({ ...kept, votes: counts.get(kept.id) ?? kept.votes }));
      return { ...room, questions };
    }
    case 'question_mine': {
      const questions = listed(room.mine.questions, event.payload.question, true);
      return { ...room, mine: { ...room.mine, questions } };
    }
    case 'vote_changed': {
      const { question, voted } = event.payload;
      return { ...room, mine: { ...room.mine, votes: listed(room.mine.votes, question, voted) } };
    }

    case 'line_said':
      return { ...room, lines: [...room.lines, event.payload.line].slice(-CHAT_PAGE_LINES) };
    case 'line_deleted': {
      const gone = event.payload.line;
      const lines = room.lines.map((line) =>
        line.id === gone ? { ...line, deleted: true, text: '' } : line,
      );
      return { ...room, lines };
    }

    case 'time_limit_set':
      return { ...room, agenda: { ...room.agenda, ends_at_ms: event.payload.ends_at_ms } };
    case 'notice_posted': {
      const notices = [...room.agenda.notices, event.payload.notice];
      return { ...room, agenda: { ...room.agenda, notices } };
    }
    case 'notice_expired': {
      const gone = event.payload.notice;
      const notices = room.agenda.notices.filter((notice) => notice.id !== gone);
      return { ...room, agenda: { ...room.agenda, notices } };
    }
    // The seats are dismissed with it: what stood last may stay on the screen.
    case 'meeting_ended':
      return room;

    case 'file_shared':
      return { ...room, files: [...room.files, event.payload.file] };
    case 'share_revoked': {
      const revoked = event.payload.file;
      const files = room.files.map((file) =>
        file.id === revoked ? { ...file, share_token: null } : file,
      );
      return { ...room, files };
    }
    case 'file_removed': {
      const gone = event.payload.file;
      return { ...room, files: room.files.filter((file) => file.id !== gone) };
    }
    case 'study_clock_changed':
    case 'focus_counted':
    case 'goal_set':
    case 'study_shared':
      return { ...room, study: study(room.study, event) };
    case 'film_opened':
    case 'film_moved':
    case 'film_identified':
    case 'film_marked':
    case 'film_lead_changed':
    case 'playlist_changed':
      return { ...room, film: film(room.film, event) };
    // A newer server may tell what this page does not know yet.
    default:
      return unknown(event, room);
  }
}

function unknown(_: never, room: RoomState): RoomState {
  return room;
}

/** Members stand in order of their ids. */
function withMember(members: Member[], newcomer: Member): Member[] {
  return byId([...members.filter((member) => member.id !== newcomer.id), newcomer]);
}

/** Who leaves waits for nothing and holds nothing; a `floor_changed` follows if they held the slot. */
function withoutMember(room: RoomState, gone: ParticipantId): RoomState {
  const { presenter, queue, hands } = room.floor;
  return {
    ...room,
    members: room.members.filter((member) => member.id !== gone),
    floor: {
      presenter: presenter === gone ? null : presenter,
      queue: without(queue, gone),
      hands: without(hands, gone),
    },
    spotlight: room.spotlight === gone ? null : room.spotlight,
    ...withoutPerson(room, gone),
  };
}

function change(room: RoomState, id: ParticipantId, to: (member: Member) => Member): RoomState {
  const members = room.members.map((member) => (member.id === id ? to(member) : member));
  return { ...room, members };
}

function withHands(room: RoomState, hands: ParticipantId[]): RoomState {
  return { ...room, floor: { ...room.floor, hands } };
}

function without(ids: ParticipantId[], gone: ParticipantId): ParticipantId[] {
  return ids.filter((id) => id !== gone);
}

function changeQuestion(room: RoomState, id: QuestionId, to: (question: Question) => Question): RoomState {
  return { ...room, questions: room.questions.map((kept) => (kept.id === id ? to(kept) : kept)) };
}

function withoutQuestion(questions: Question[], gone: QuestionId): Question[] {
  return questions.filter((kept) => kept.id !== gone);
}

/** Puts an id into an ordered list, or takes it out. */
function listed(ids: QuestionId[], id: QuestionId, present: boolean): QuestionId[] {
  const others = ids.filter((kept) => kept !== id);
  return present ? [...others, id].sort((a, b) => a - b) : others;
}

function byId<T extends { id: number }>(items: T[]): T[] {
  return items.sort((a, b) => a.id - b.id);
}
