/** Words of the chat. */

import { count } from './words';

export const chat = {
  title: 'Chat',
  log: 'Messages',
  empty: 'Nothing written yet',
  emptyText: 'What is written here is seen by everybody in the room.',
  write: 'Write to everybody',
  send: 'Send',
  hint: '*bold*  _italic_  `code`. Enter sends, Shift+Enter starts a line.',
  tooLong: (over: number) => `${count(over, 'byte', 'bytes')} too long. Shorten it, or send a file.`,
  notAllowed: 'You may read here, but not write.',
  older: 'Show older messages',
  loadingOlder: 'Getting older messages …',
  newBelow: (n: number) => count(n, 'new message', 'new messages'),
  typing: (names: string[]) => {
    if (names.length === 0) return '';
    if (names.length === 1) return `${names[0] ?? ''} is writing …`;
    if (names.length === 2) return `${names[0] ?? ''} and ${names[1] ?? ''} are writing …`;
    return 'Several people are writing …';
  },
  deleted: 'This message was taken back.',
  delete: 'Take back',
  deleteLine: (name: string) => `Take back the message of ${name}`,
  failed: 'Not sent.',
  sending: 'Sending …',
  sendAgain: 'Send again',
  fileLine: (name: string) => `${name} shared a file`,
  bannerOpen: 'Open the chat',
  unreadMark: 'New',
} as const;
