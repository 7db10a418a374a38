/** What can be done with a question: the lines of its menu. */

import Check from '@lucide/svelte/icons/check';
import Eye from '@lucide/svelte/icons/eye';
import EyeOff from '@lucide/svelte/icons/eye-off';
import MessageSquare from '@lucide/svelte/icons/message-square';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import Trash2 from '@lucide/svelte/icons/trash-2';
import type { Rights } from '../../../model/questions';
import type { MenuItem } from '../../../parts/menu';
import { text } from '../../../text/en';
import type { Question } from '../../../wire';
import type { Session } from '../../session.svelte';

/** A question in the name of a control is no longer than this, in characters. */
const SHORT_CHARS = 60;

export function shortOf(words: string): string {
  const letters = [...words.replace(/\s+/gu, ' ').trim()];
  return letters.length <= SHORT_CHARS ? letters.join('') : `${letters.slice(0, SHORT_CHARS).join('')} …`;
}

export function questionItems(session: Session, question: Question, rights: Rights, answer: () => void): MenuItem[] {
  const { id } = question;
  const words = text.questions;
  const items: MenuItem[] = [];
  if (rights.mayAnswer) {
    if (question.answer !== null) {
      items.push({ id: 'answer', label: words.answerAgain, icon: MessageSquare, choose: answer });
      if (question.answer.text !== null) items.push(live(session, id));
    }
    items.push(
      {
        id: 'pin',
        label: question.pinned ? words.unpin : words.pin,
        icon: question.pinned ? PinOff : Pin,
        choose: () => void session.ask({ type: 'pin_question', payload: { question: id, pinned: !question.pinned } }),
      },
      {
        id: 'hide',
        label: question.hidden ? words.show : words.hide,
        icon: question.hidden ? Eye : EyeOff,
        choose: () => void session.ask({ type: 'hide_question', payload: { question: id, hidden: !question.hidden } }),
      },
    );
  }
  if (rights.isMine) {
    items.push({
      id: 'take-back',
      label: words.takeBack,
      icon: Trash2,
      danger: true,
      divided: items.length > 0,
      choose: () => void session.ask({ type: 'take_back_question', payload: { question: id } }),
    });
  }
  return items;
}

function live(session: Session, question: number): MenuItem {
  return {
    id: 'live',
    label: text.questions.live,
    icon: Check,
    choose: () => void session.ask({ type: 'answer_question', payload: { question, text: null } }),
  };
}
