/** What screen readers are told; some of it is shown as a note, too. */

import { count, several, duration } from './words';

export const spoken = {
  entered: (n: number) => (n === 1 ? 'You are in. Nobody else is here yet.' : `You are in. ${count(n, 'person is', 'people are')} here.`),
  joined: (names: readonly string[]) => `${several(names)} joined`,
  left: (names: readonly string[]) => `${several(names)} left`,
  kicked: (name: string) => `${name} was taken out`,
  handRaised: (name: string) => `${name} raised a hand`,
  ownHand: (raised: boolean) => (raised ? 'Your hand is raised' : 'Your hand is lowered'),
  waiting: (name: string) => `${name} waits to be let in`,
  spotlight: (name: string) => `Everybody sees ${name} large now`,
  ownSpotlight: 'Everybody sees you large now',
  question: (name: string, words: string, inReview: boolean) =>
    `Question${name === '' ? '' : ` of ${name}`}${inReview ? ', to let through' : ''}: ${words}`,
  ownQuestion: (shown: boolean) => (shown ? 'Everybody sees your question now' : 'Your question is hidden from the others'),
  questionAnswered: (mine: boolean, name: string, words: string | null) =>
    `${mine ? 'Your question' : 'A question'} was answered ${words === null ? `live by ${name}` : `by ${name}: ${words}`}`,
  said: (name: string, words: string) => `${name}: ${words}`,
  fileShared: (name: string, file: string) => `${name} shared the file ${file}`,
  presents: (name: string) => `${name} presents`,
  youPresent: 'You present now',
  shareEnded: 'Nobody presents any more',
  mutedByHost: (mayUnmute: boolean) =>
    mayUnmute ? 'The host has muted you' : 'The host has muted you. Raise your hand to be heard.',
  mayUnmute: 'You may switch on your microphone again',
  cameraStopped: 'The host has switched off your camera',
  study: (phase: 'idle' | 'focus' | 'short_break' | 'long_break', why: string, runs: boolean) => {
    const begins = { idle: 'The clock is reset', focus: 'Focus', short_break: 'Short break', long_break: 'Long break' }[phase];
    if (phase === 'idle') return begins;
    if (why === 'paused') return `${begins} is paused`;
    if (why === 'resumed') return `${begins} goes on`;
    return runs ? `${begins} begins` : `${begins} waits to be started`;
  },
  goal: (words: string) => `The goal of the room: ${words}`,
  filmOpened: (name: string) => `The room watches ${name}`,
  filmClosed: 'The film is closed',
  film: { played: 'The film plays', paused: 'The film is paused', ended: 'The film is over' },
  filmHeld: (names: readonly string[], you: boolean) =>
    `The film waits for ${several([...(you ? ['you'] : []), ...names]) || 'somebody'}`,
  role: (role: string, why: 'given' | 'passed_on' | 'host_back') => {
    const now = `You are ${role.toLowerCase()} now`;
    if (why === 'passed_on') return `The host has gone. ${now}`;
    return why === 'host_back' ? `The host is back. ${now}` : now;
  },
  retitled: (title: string) => `The room is called ${title} now`,
  locked: (locked: boolean) => (locked ? 'The room is locked' : 'The room is open again'),
  timeLimit: (set: boolean) => (set ? 'The meeting has a time limit' : 'The meeting has no time limit any more'),
  timeLeft: (s: number) => `${duration(s)} left`,
  notice: (words: string) => `Notice: ${words}`,
  microphone: (on: boolean) => (on ? 'Microphone on' : 'Microphone off'),
  camera: (on: boolean) => (on ? 'Camera on' : 'Camera off'),
  audioOnly: (on: boolean) =>
    on ? 'Your link is poor. Pictures are held back.' : 'Your link is better. Pictures come again.',
  linkLost: 'The link is lost. Trying again.',
  linkBack: 'You are back.',
  mention: (name: string) => `${name} mentioned you`,
} as const;
