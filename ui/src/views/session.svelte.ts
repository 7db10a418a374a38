/** A meeting on this page: the model's state kept up to date, and what the person does in it. */

import { bridge } from '#bridge';
import { type JoinWish, type Meeting, type MeetingEvent, RefusalError, type RoomLink, type TransferHandle } from '../bridge/types';
import type { Announcement, Fact } from '../model/announcements';
import * as chat from '../model/chat';
import { type MeetingState, begin, hear, may, me, people, showPanel, type PanelName, tick } from '../model/meeting';
import type { Person } from '../model/roster';
import { isHushed } from '../model/study_clock';
import { text } from '../text/en';
import type { AtTheDoor, Command, ParticipantId, Permission, Reply, SharedFile, WaitingId } from '../wire';
import { noteOf, sentenceOf as sentenceOfFact } from './announce';
import { preferences } from './preferences.svelte';

/** How often what depends on the time is drawn again: countdowns, reactions, banners. */
const TICK_MS = 500;
const TOAST_SHOWN_MS = 6_000;
const TOASTS_MAX = 3;
/** What somebody else has done to us is also shown for a moment. */
const SHOWN: ReadonlySet<Fact['type']> = new Set<Fact['type']>([
  'role',
  'muted_by_host',
  'may_unmute',
  'camera_stopped_by_host',
  'own_spotlight',
  'own_question',
]);
/** What can wait until the break while the room focuses. */
const HUSHED: ReadonlySet<Fact['type']> = new Set<Fact['type']>(['said', 'hand_raised', 'question_answered']);
/** Pages of history that are fetched at most to find a moment. */
const MOMENT_PAGES_MAX = 40;
const VOLUME_USUAL_PERCENT = 100;
/** A slider that is drawn tells its end, not every step. */
const VOLUME_SETTLES_MS = 200;

export interface Toast {
  id: number;
  text: string;
  tone: 'info' | 'danger';
  /** It is announced anyhow: not to be read out twice. */
  silent: boolean;
}

export type DialogName =
  | 'settings'
  | 'devices'
  | 'screen'
  | 'quality'
  | 'shortcuts'
  | 'leave'
  | 'rename'
  | 'mute_all'
  | 'time_limit'
  | 'announce'
  | 'end'
  | 'report'
  | 'timer_plan'
  | 'room';

export interface Session {
  readonly state: MeetingState;
  readonly link: RoomLink;
  /** When we came in, on `performance.now()`. */
  readonly beganMs: number;
  readonly meeting: Meeting;
  /** `performance.now()`, twice a second. */
  readonly nowMs: number;
  readonly people: Person[];
  readonly you: Person | null;
  readonly toasts: readonly Toast[];
  dialog: DialogName | null;
  /** Whom a host is about to take out. */
  kicking: ParticipantId | null;
  /** Who is about to be turned away at the door. */
  turningAway: WaitingId | null;
  volumeOf(id: ParticipantId): number;
  may(what: Permission): boolean;
  /** Applies a reducer of the model. */
  change(reducer: (state: MeetingState) => MeetingState): void;
  /** Does a command; a refusal is shown to the person and gives null. */
  ask(command: Command): Promise<Reply | null>;
  say(words: string): Promise<void>;
  sayAgain(key: number): Promise<void>;
  loadOlder(): Promise<void>;
  /** Opens the chat where it stood at a moment, in milliseconds since the Unix epoch. */
  showMoment(atMs: number): Promise<void>;
  togglePanel(panel: PanelName): void;
  setVolume(id: ParticipantId, percent: number): void;
  upload(files: Iterable<File>): void;
  download(file: SharedFile): void;
  /** Pauses, resumes and stops one of ours. */
  transfer(id: number): TransferHandle | undefined;
  toast(words: string, tone?: Toast['tone']): void;
  close(): void;
}

/** Joins, and resolves when the welcome is there. Rejects with {@link RefusalError}. */
export async function openSession(
  wish: JoinWish,
  giveUp: AbortSignal,
  waits: (door: AtTheDoor) => void,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    // What comes before the promise is kept has to wait for it: a session needs the meeting.
    let heardSince: MeetingEvent[] = [];
    let hearLater: ((event: MeetingEvent) => void) | null = null;
    const heard = (event: MeetingEvent): void => {
      if (event.type === 'waiting') waits(event.door);
      else if (hearLater === null) heardSince.push(event);
      else hearLater(event);
    };
    bridge.join(wish, heard, giveUp).then((meeting) => {
      hearLater = (event) => {
        if (event.type === 'ended') reject(new RefusalError('unreachable', event.text));
        if (event.type !== 'welcome') return;
        const first = begin(event.welcome, performance.now());
        if (first === null) return;
        const made = sessionOf(wish.link, meeting, first);
        hearLater = made.heard;
        resolve(made.session);
      };
      const early = heardSince;
      heardSince = [];
      for (const event of early) heard(event);
    }, reject);
  });
}

function sessionOf(
  link: RoomLink,
  meeting: Meeting,
  first: MeetingState,
): { session: Session; heard: (event: MeetingEvent) => void } {
  const beganMs = performance.now();
  let state: MeetingState = $state.raw(first);
  let nowMs = $state(performance.now());
  let toasts: Toast[] = $state.raw([]);
  let dialog: DialogName | null = $state(null);
  let kicking: ParticipantId | null = $state(null);
  let turningAway: WaitingId | null = $state(null);
  let volumes: Record<ParticipantId, number> = $state.raw({});
  const room = $derived(state.room);
  const signals = $derived(state.signals);
  const everybody = $derived(people({ ...first, room, signals, you: state.you }, nowMs));
  const you = $derived(everybody.find((person) => person.isYou) ?? null);
  const handles = new Map<number, TransferHandle>();
  const volumeTimers = new Map<ParticipantId, ReturnType<typeof setTimeout>>();
  let nextKey = 1;

  const change: Session['change'] = (reducer) => {
    const noted = state.announcements.next;
    state = reducer(state);
    for (const item of state.announcements.items) {
      if (item.id < noted) continue;
      note(item);
      if (SHOWN.has(item.fact.type)) toast(sentenceOfFact(item.fact), 'info', true);
    }
  };

  /** T5: only while the person looks elsewhere. */
  function note(item: Announcement): void {
    if (!preferences.notes || document.hasFocus()) return;
    if (isHushed(state.room) && HUSHED.has(item.fact.type)) return;
    const said = noteOf(item.fact, me(state)?.name ?? '');
    if (said !== null) bridge.notify({ title: said, body: state.room.title, tag: item.fact.type });
  }

  const timer = setInterval(() => {
    nowMs = performance.now();
    change((now) => tick(now, nowMs));
  }, TICK_MS);

  function toast(words: string, tone: Toast['tone'] = 'info', silent = false): void {
    const id = nextKey++;
    toasts = [...toasts, { id, text: words, tone, silent }].slice(-TOASTS_MAX);
    setTimeout(() => (toasts = toasts.filter((one) => one.id !== id)), TOAST_SHOWN_MS);
  }

  async function ask(command: Command): Promise<Reply | null> {
    try {
      return await meeting.ask(command);
    } catch (error) {
      toast(sentenceOf(error), 'danger');
      return null;
    }
  }

  async function send(key: number, words: string): Promise<void> {
    try {
      await meeting.ask({ type: 'say', payload: { text: words } });
      change((now) => ({ ...now, chat: chat.written(now.chat, key) }));
    } catch (error) {
      change((now) => ({ ...now, chat: chat.refused(now.chat, key, sentenceOf(error)) }));
    }
  }

  async function tellVolume(id: ParticipantId): Promise<void> {
    const percent = volumes[id] ?? VOLUME_USUAL_PERCENT;
    const reply = await ask({ type: 'set_volume', payload: { of: id, percent } });
    if (reply?.type === 'volume_kept' && !reply.payload.mixed && percent !== VOLUME_USUAL_PERCENT) {
      toast(text.people.volumeWaits);
    }
  }

  function setVolumes(): void {
    for (const { id } of state.room.members) if (volumes[id] !== undefined) void tellVolume(id);
  }

  function chooseQuality(): void {
    meeting.chooseSending(preferences.send);
    if (preferences.receive !== 'auto') {
      void ask({ type: 'choose_quality', payload: { receive: preferences.receive } });
    }
  }

  function heard(event: MeetingEvent): void {
    const atMs = performance.now();
    change((now) => hear(now, event, atMs));
    // A room that was opened again has forgotten what each of us wished for.
    if (event.type === 'welcome' && event.welcome.snapshot !== null) {
      setVolumes();
      chooseQuality();
    }
  }

  chooseQuality();

  const session: Session = {
    get state() {
      return state;
    },
    link,
    beganMs,
    meeting,
    get nowMs() {
      return nowMs;
    },
    get people() {
      return everybody;
    },
    get you() {
      return you;
    },
    get toasts() {
      return toasts;
    },
    get dialog() {
      return dialog;
    },
    set dialog(name) {
      dialog = name;
    },
    get kicking() {
      return kicking;
    },
    set kicking(id) {
      kicking = id;
    },
    get turningAway() {
      return turningAway;
    },
    set turningAway(id) {
      turningAway = id;
    },
    volumeOf: (id) => volumes[id] ?? VOLUME_USUAL_PERCENT,
    may: (what) => may({ ...first, room, you: state.you }, what),
    change,
    ask,
    async say(words) {
      const key = nextKey++;
      change((now) => ({ ...now, chat: chat.writing(now.chat, key, words) }));
      await send(key, words);
    },
    async sayAgain(key) {
      const line = state.chat.pending.find((pending) => pending.key === key);
      if (line === undefined) return;
      change((now) => ({ ...now, chat: chat.written(now.chat, key) }));
      await session.say(line.text);
    },
    async loadOlder() {
      const wanted = chat.olderWanted(state.chat);
      if (wanted === null) return;
      change((now) => ({ ...now, chat: chat.loadingOlder(now.chat) }));
      const reply = await ask({ type: 'list_lines', payload: wanted });
      const page = reply?.type === 'lines' ? reply.payload : null;
      change((now) => ({ ...now, chat: chat.tookOlder(now.chat, page) }));
    },
    async showMoment(atMs) {
      change((now) => showPanel(now, 'chat'));
      let found = chat.nearest(state.chat, atMs);
      for (let page = 0; found === 'missing' && page < MOMENT_PAGES_MAX; page += 1) {
        const held = state.chat.lines.length;
        await session.loadOlder();
        if (state.chat.lines.length === held) break;
        found = chat.nearest(state.chat, atMs);
      }
      const line = found === 'missing' ? (state.chat.lines[0] ?? null) : found;
      if (line === null) toast(text.questions.nothingThen);
      else change((now) => ({ ...now, chat: chat.pointTo(now.chat, line.id) }));
    },
    togglePanel(panel) {
      change((now) => showPanel(now, now.panel === panel ? null : panel));
    },
    setVolume(id, percent) {
      volumes = { ...volumes, [id]: percent };
      clearTimeout(volumeTimers.get(id));
      volumeTimers.set(id, setTimeout(() => void tellVolume(id), VOLUME_SETTLES_MS));
    },
    upload(files) {
      for (const file of files) {
        const handle = meeting.upload(file);
        handles.set(handle.id, handle);
      }
      change((now) => showPanel(now, 'files'));
    },
    download(file) {
      const handle = meeting.download(file);
      handles.set(handle.id, handle);
    },
    transfer: (id) => handles.get(id),
    toast,
    close() {
      clearInterval(timer);
      for (const waiting of volumeTimers.values()) clearTimeout(waiting);
    },
  };
  return { session, heard };
}

function sentenceOf(error: unknown): string {
  return error instanceof RefusalError ? error.message : text.refused.other.title;
}
