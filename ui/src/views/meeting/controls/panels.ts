/** The panels that can be opened now: their buttons in the bar, or lines of the menu where it is narrow. */

import Clapperboard from '@lucide/svelte/icons/clapperboard';
import Files from '@lucide/svelte/icons/files';
import MessageCircleQuestion from '@lucide/svelte/icons/message-circle-question-mark';
import MessageSquare from '@lucide/svelte/icons/message-square';
import Timer from '@lucide/svelte/icons/timer';
import Users from '@lucide/svelte/icons/users';
import type { Component } from 'svelte';
import type { PanelName } from '../../../model/meeting';
import { isShown } from '../../../model/questions';
import { hasClock } from '../../../model/study_clock';
import { text } from '../../../text/en';
import type { Session } from '../../session.svelte';

export interface PanelButton {
  name: PanelName;
  /** Says the number too. */
  label: string;
  /** What waits there to be looked at. */
  count: number;
  key: string;
  icon: Component<{ 'aria-hidden'?: 'true' }>;
}

export function panelsOf(session: Session): PanelButton[] {
  const { state } = session;
  const words = text.controls;
  const people = session.people.length;
  const waiting = state.room.waiting.length;
  const unread = { chat: state.chat.unread, files: state.files.unread, questions: state.questions.unread };
  const panels: PanelButton[] = [
    {
      name: 'people',
      label: waiting > 0 ? words.peopleWaiting(people, waiting) : words.people(people),
      count: waiting,
      key: 'P',
      icon: Users,
    },
    { name: 'chat', label: unread.chat > 0 ? words.chatUnread(unread.chat) : words.chat, count: unread.chat, key: 'C', icon: MessageSquare },
    { name: 'files', label: unread.files > 0 ? words.filesNew(unread.files) : words.files, count: unread.files, key: 'F', icon: Files },
  ];
  if (isShown(state.room)) {
    panels.push({
      name: 'questions',
      label: unread.questions > 0 ? words.questionsNew(unread.questions) : words.questions,
      count: unread.questions,
      key: 'Q',
      icon: MessageCircleQuestion,
    });
  }
  if (hasClock(state.room)) panels.push({ name: 'study', label: words.study, count: 0, key: 'T', icon: Timer });
  if (state.room.settings.film) panels.push({ name: 'film', label: words.film, count: 0, key: 'W', icon: Clapperboard });
  return panels;
}
