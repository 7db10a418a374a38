/**
 * A meeting as its screen shows it: one value, made of a welcome and brought up to date by what the bridge
 * tells and what the person does. Nothing here knows a clock, a page or a network: time is an input, in
 * milliseconds of the local clock (`performance.now()`).
 */

import type { LinkFigures, LinkState, LocalMedia, MeetingEvent, ScreenState } from '../bridge/types';
import type {
  Event,
  Hint,
  LeaveReason,
  Member,
  Numbered,
  ParticipantId,
  Permission,
  RoomState,
  Signs,
  Welcome,
} from '../wire';
import { type TimeLeft, timeLeft } from './agenda';
import { type Announcements, type Fact, NO_ANNOUNCEMENTS, announce } from './announcements';
import * as chat from './chat';
import { NO_CLOCK, type RoomClock, read, roomNow } from './clock';
import * as files from './files';
import { type Banner, type LinkTrouble, type NoticesState, NO_NOTICES, type BannerFacts, banners, forgetOver } from './notices';
import { mayIn } from './permission';
import * as questions from './questions';
import { apply } from './replica';
import { pulsed } from './replica_together';
import * as roster from './roster';
import { type StageState, FIRST_STAGE, shared } from './stage';

export type PanelName = 'people' | 'chat' | 'files' | 'questions' | 'study' | 'film';

export interface MeetingState {
  readonly you: ParticipantId;
  readonly hostKey: string | null;
  readonly room: RoomState;
  /** Number of the last event that was applied. */
  readonly number: number;
  readonly clock: RoomClock;
  readonly signals: roster.Signals;
  readonly chat: chat.ChatState;
  readonly files: files.FilesState;
  readonly questions: questions.QuestionsState;
  readonly notices: NoticesState;
  readonly announcements: Announcements;
  readonly stage: StageState;
  readonly panel: PanelName | null;
  readonly link: LinkState;
  readonly media: LocalMedia;
  readonly figures: LinkFigures | null;
  readonly screen: ScreenState;
  /** Cameras are held back from us because the link is poor. */
  readonly audioOnly: boolean;
  readonly hint: Hint | null;
  /** What we can do about our link, while it is poor. */
  readonly advice: LinkTrouble | null;
  /** The last mark of the time limit that was announced. */
  readonly mark: number | null;
  readonly ended: { reason: LeaveReason | 'unreachable'; text: string } | null;
}

/** All is off: what media are before the bridge has told of them. */
export const NO_MEDIA: LocalMedia = {
  microphone: { state: 'off' },
  camera: { state: 'off' },
  screen: { state: 'off' },
  sound: true,
  level: 0,
  talkingWhileMuted: false,
  soundBlocked: false,
  send: 'auto',
  publishing: [],
};

/** The meeting at its first welcome; null when that has no snapshot, which only a resumed one may lack. */
export function begin(welcome: Welcome, atMs: number): MeetingState | null {
  const { snapshot } = welcome;
  if (snapshot === null) return null;
  const room = welcome.pulse === undefined ? snapshot : pulsed(snapshot, welcome.pulse);
  const entered: Fact = { type: 'entered', people: snapshot.members.length };
  return staged({
    you: welcome.you,
    hostKey: welcome.host_key,
    room,
    number: welcome.cursor.number,
    clock: read(NO_CLOCK, welcome.room_clock_ms, atMs),
    signals: roster.NO_SIGNALS,
    // What was said before we came is not unread.
    chat: { ...chat.snapshot(chat.NO_CHAT, snapshot.lines), unread: 0 },
    files: files.NO_FILES,
    questions: questions.NO_QUESTIONS,
    notices: NO_NOTICES,
    announcements: announce(NO_ANNOUNCEMENTS, entered, atMs),
    stage: FIRST_STAGE,
    panel: null,
    link: { state: 'up' },
    media: NO_MEDIA,
    figures: null,
    screen: { state: 'none' },
    audioOnly: false,
    hint: null,
    advice: null,
    mark: null,
    ended: null,
  });
}

/** Whatever the bridge tells. */
export function hear(state: MeetingState, event: MeetingEvent, atMs: number): MeetingState {
  switch (event.type) {
    // Whoever has a meeting no longer waits for it.
    case 'waiting':
      return state;
    case 'welcome':
      return welcomed(state, event.welcome, atMs);
    case 'events':
      return event.events.reduce((now, numbered) => happened(now, numbered, atMs), state);
    case 'snapshot':
      return renewed(state, event.state, event.cursor.number);
    case 'signs':
      return signed(state, event.signs, atMs);
    case 'link':
      return linkChanged(state, event.link, atMs);
    case 'clock':
      return { ...state, clock: read(state.clock, event.roomClockMs, event.localMs) };
    case 'pulse':
      return { ...state, room: pulsed(state.room, event.pulse) };
    case 'media':
      return mediaChanged(state, event.media, atMs);
    case 'quality':
      return { ...state, figures: event.figures };
    case 'screen':
      return staged({ ...state, screen: event.screen });
    case 'transfer':
      return { ...state, files: files.transfer(state.files, event.transfer) };
    case 'ended': {
      const { reason, text } = event;
      return tell({ ...state, ended: { reason, text } }, { type: 'ended', reason }, atMs);
    }
  }
}

/** Time has passed: marks of the time limit are announced, and banners of what is over may come again. */
export function tick(state: MeetingState, atMs: number): MeetingState {
  const notices = forgetOver(state.notices, bannerFacts(state, atMs));
  const mark = left(state, atMs)?.mark ?? null;
  if (mark === state.mark) return notices === state.notices ? state : { ...state, notices };
  const next = { ...state, notices, mark };
  // A limit that was moved away from a mark is told by its own event.
  const passed = mark !== null && (state.mark === null || mark < state.mark);
  return passed ? tell(next, { type: 'time_left', ms: mark }, atMs) : next;
}

/** Opens a panel in place of another; null closes it. */
export function showPanel(state: MeetingState, panel: PanelName | null): MeetingState {
  return {
    ...state,
    panel,
    chat: panel === 'chat' ? chat.opened(state.chat) : state.chat.open ? chat.closed(state.chat) : state.chat,
    files: panel === 'files' ? files.opened(state.files) : files.closed(state.files),
    questions: panel === 'questions' ? questions.opened(state.questions) : questions.closed(state.questions),
  };
}

// ---- what views ask of it

export function me(state: MeetingState): Member | undefined {
  return state.room.members.find((member) => member.id === state.you);
}

export function may(state: MeetingState, what: Permission): boolean {
  return mayIn(state.room, state.you, what);
}

/** Everybody, in the order in which they came. */
export function people(state: MeetingState, atMs: number): roster.Person[] {
  return roster.people(state.room, state.signals, state.you, atMs);
}

/** How long the meeting goes on; null without a limit. */
export function left(state: MeetingState, atMs: number): TimeLeft | null {
  return timeLeft(state.room.agenda.ends_at_ms, roomNow(state.clock, atMs));
}

export function shownBanners(state: MeetingState, atMs: number): Banner[] {
  return banners(state.notices, bannerFacts(state, atMs));
}

// ---- how it changes

function bannerFacts(state: MeetingState, atMs: number): BannerFacts {
  return {
    link: state.link,
    media: state.media,
    heldMute: me(state)?.held_mute ?? false,
    left: left(state, atMs),
    audioOnly: state.audioOnly,
    hint: state.hint,
    advice: state.advice,
    notices: state.room.agenda.notices,
    atMs,
  };
}

/** A link is there again: with a snapshot when the events since were too many. */
function welcomed(state: MeetingState, welcome: Welcome, atMs: number): MeetingState {
  const { snapshot } = welcome;
  // Another opening of the room has another clock.
  const clock = read(snapshot === null ? state.clock : NO_CLOCK, welcome.room_clock_ms, atMs);
  const back = {
    ...state,
    you: welcome.you,
    hostKey: welcome.host_key ?? state.hostKey,
    clock,
    signals: roster.NO_SIGNALS,
    audioOnly: false,
    hint: null,
    advice: null,
  };
  const { pulse } = welcome;
  if (snapshot === null) return pulse === undefined ? back : { ...back, room: pulsed(back.room, pulse) };
  return renewed(back, pulse === undefined ? snapshot : pulsed(snapshot, pulse), welcome.cursor.number);
}

/** The room as a whole, instead of what happened in it up to `number`. */
function renewed(state: MeetingState, room: RoomState, number: number): MeetingState {
  const gone = state.room.members.filter(({ id }) => !room.members.some((member) => member.id === id));
  return staged({
    ...state,
    room,
    number,
    signals: gone.reduce((signals, { id }) => roster.gone(signals, id), state.signals),
    chat: chat.snapshot(state.chat, room.lines),
    questions: questions.snapshot(state.questions, state.room, room),
  });
}

/** A screen or a film takes the stage, and gives it back. */
function staged(state: MeetingState): MeetingState {
  const stage = shared(state.stage, state.screen.state !== 'none' || state.room.film.file !== null);
  return stage === state.stage ? state : { ...state, stage };
}

/** An event that was told already, before the link was lost, is passed over. */
function happened(state: MeetingState, { number, event }: Numbered, atMs: number): MeetingState {
  if (number <= state.number) return state;
  const next = {
    ...state,
    number,
    room: apply(state.room, event),
    chat: chat.event(state.chat, event, state.you, atMs),
    files: files.event(state.files, event, state.you),
    questions: questions.event(state.questions, state.room, event, state.you, atMs),
    signals: signalsAfter(state.signals, event),
    stage: event.type === 'participant_left' ? withoutPin(state.stage, event.payload.id) : state.stage,
  };
  return factsOf(state, next, event).reduce((now, fact) => tell(now, fact, atMs), staged(next));
}

function signed(state: MeetingState, signs: Signs, atMs: number): MeetingState {
  const signals = roster.signs(state.signals, signs.people ?? [], state.you, atMs);
  const audioOnly = signs.audio_only ?? state.audioOnly;
  const hint = signs.hint ?? state.hint;
  const told = signs.advice ?? state.advice;
  const advice = told?.type === 'fine' ? null : told;
  const next = { ...state, signals, audioOnly, hint: hint === 'udp_back' ? null : hint, advice };
  return audioOnly === state.audioOnly ? next : tell(next, { type: 'audio_only', on: audioOnly }, atMs);
}

function linkChanged(state: MeetingState, link: LinkState, atMs: number): MeetingState {
  const next = { ...state, link };
  if (link.state === state.link.state) return next;
  return tell(next, { type: link.state === 'lost' ? 'link_lost' : 'link_back' }, atMs);
}

function mediaChanged(state: MeetingState, media: LocalMedia, atMs: number): MeetingState {
  let next: MeetingState = { ...state, media };
  for (const device of ['microphone', 'camera', 'screen'] as const) {
    const [before, now] = [state.media[device].state, media[device]];
    if (now.state === before) continue;
    if (now.state === 'failed') {
      if (now.why !== 'cancelled') next = tell(next, { type: 'device_failed', device, why: now.why, said: now.said }, atMs);
    } else if (device !== 'screen' && now.state !== 'starting' && before !== 'failed') {
      const on = now.state === 'on';
      // From starting to off is no news: it was never on.
      if (on || before === 'on') next = tell(next, { type: device, on }, atMs);
    }
  }
  return next;
}

function signalsAfter(signals: roster.Signals, event: Event): roster.Signals {
  switch (event.type) {
    case 'participant_left':
      return roster.gone(signals, event.payload.id);
    case 'participant_away':
      return event.payload.away ? roster.silenced(signals, event.payload.id) : signals;
    case 'media_changed':
      return event.payload.media.microphone ? signals : roster.silenced(signals, event.payload.id);
    default:
      return signals;
  }
}

function withoutPin(stage: StageState, id: ParticipantId): StageState {
  return { ...stage, pins: stage.pins.filter((pinned) => pinned !== id) };
}

function tell(state: MeetingState, fact: Fact, atMs: number): MeetingState {
  return { ...state, announcements: announce(state.announcements, fact, atMs) };
}

/** What an event is to somebody who does not see the screen; `before` knows the names of who is gone. */
function factsOf(before: MeetingState, after: MeetingState, event: Event): Fact[] {
  const { you } = after;
  const name = (id: ParticipantId) => before.room.members.find((member) => member.id === id)?.name;
  const fact = (id: ParticipantId, make: (name: string) => Fact): Fact[] => {
    const called = name(id);
    return called === undefined || id === you ? [] : [make(called)];
  };
  switch (event.type) {
    case 'participant_joined':
      return event.payload.member.id === you ? [] : [{ type: 'joined', names: [event.payload.member.name] }];
    case 'participant_left': {
      const { id, reason } = event.payload;
      return fact(id, (name) => (reason === 'kicked' ? { type: 'kicked', name } : { type: 'left', names: [name] }));
    }
    case 'role_changed':
      return event.payload.id === you ? [{ type: 'role', role: event.payload.role, why: event.payload.why }] : [];
    case 'media_changed':
      return event.payload.id === you ? ownMediaFacts(before, event.payload) : [];
    case 'room_retitled':
      return [{ type: 'retitled', title: event.payload.title }];
    case 'room_locked':
      return [{ type: 'locked', locked: event.payload.locked }];
    case 'floor_changed':
      return presenterFacts(before, event.payload.floor.presenter, you);
    case 'hand_raised':
      return event.payload.id === you
        ? [{ type: 'own_hand', raised: true }]
        : fact(event.payload.id, (name) => ({ type: 'hand_raised', name }));
    case 'hand_lowered':
      return event.payload.id === you ? [{ type: 'own_hand', raised: false }] : [];
    case 'hands_lowered':
      return before.room.floor.hands.includes(you) ? [{ type: 'own_hand', raised: false }] : [];
    case 'waiting_arrived':
      return [{ type: 'waiting', name: event.payload.waiter.name }];
    case 'spotlight_changed': {
      const { id } = event.payload;
      if (id === null) return [];
      return id === you ? [{ type: 'own_spotlight' }] : fact(id, (name) => ({ type: 'spotlight', name }));
    }
    case 'question_asked': {
      const { question } = event.payload;
      const known = before.room.questions.some((kept) => kept.id === question.id);
      const { name, text } = question;
      return known || question.from === you ? [] : [{ type: 'question', name, text, inReview: question.in_review }];
    }
    case 'question_approved':
      return before.room.mine.questions.includes(event.payload.question) ? [{ type: 'own_question', shown: true }] : [];
    case 'question_hidden': {
      const { question, hidden } = event.payload;
      return before.room.mine.questions.includes(question) ? [{ type: 'own_question', shown: !hidden }] : [];
    }
    case 'question_answered': {
      const { question, answer } = event.payload;
      if (answer.by === you) return [];
      const mine = before.room.mine.questions.includes(question);
      return [{ type: 'question_answered', mine, name: answer.name, text: answer.text }];
    }
    case 'study_clock_changed': {
      const { clock, why } = event.payload;
      return why === 'plan' ? [] : [{ type: 'study', phase: clock.phase, why, runs: clock.ends_at_ms !== null }];
    }
    case 'goal_set':
      return event.payload.text === '' ? [] : [{ type: 'goal', text: event.payload.text }];
    case 'film_opened':
      return event.payload.file === null
        ? before.room.film.file === null
          ? []
          : [{ type: 'film_closed' }]
        : [{ type: 'film_opened', name: event.payload.file.name }];
    case 'film_moved': {
      const { why, by, anchor } = event.payload;
      if (why === 'held') {
        const names = (anchor.hold?.waiting_for ?? []).map((id) => (id === you ? null : (name(id) ?? null)));
        return [{ type: 'film_held', names: names.filter((one) => one !== null), you: names.includes(null) }];
      }
      return by === you || why === 'sought' || why === 'speed' || why === 'released' ? [] : [{ type: 'film', why }];
    }
    case 'line_said': {
      const { line } = event.payload;
      return line.kind.type !== 'said' || line.from === you ? [] : [{ type: 'said', name: line.name, text: line.text }];
    }
    case 'file_shared': {
      const { file } = event.payload;
      return fact(file.owner, (name) => ({ type: 'file_shared', name, file: file.name }));
    }
    case 'time_limit_set':
      return [{ type: 'time_limit', set: event.payload.ends_at_ms !== null }];
    case 'notice_posted':
      return [{ type: 'notice', text: event.payload.notice.text }];
    default:
      return [];
  }
}

/**
 * Whether it was the host who switched something of ours off. When we do it ourselves, the bridge has told
 * of our device before the room hears of it.
 */
function ownMediaFacts(
  before: MeetingState,
  now: { media: Member['media']; held_mute: boolean },
): Fact[] {
  const was = me(before);
  if (was === undefined) return [];
  const facts: Fact[] = [];
  const silenced = was.media.microphone && !now.media.microphone && before.media.microphone.state === 'on';
  if (silenced || (now.held_mute && !was.held_mute)) {
    facts.push({ type: 'muted_by_host', mayUnmute: !now.held_mute });
  } else if (was.held_mute && !now.held_mute) {
    facts.push({ type: 'may_unmute' });
  }
  const stopped = was.media.camera && !now.media.camera && before.media.camera.state === 'on';
  if (stopped) facts.push({ type: 'camera_stopped_by_host' });
  return facts;
}

function presenterFacts(before: MeetingState, presenter: ParticipantId | null, you: ParticipantId): Fact[] {
  const was = before.room.floor.presenter;
  if (presenter === was) return [];
  if (presenter === null) return [{ type: 'share_ended' }];
  if (presenter === you) return [{ type: 'you_present' }];
  const name = before.room.members.find((member) => member.id === presenter)?.name;
  return name === undefined ? [] : [{ type: 'presents', name }];
}
