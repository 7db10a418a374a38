/** Rooms, people and lines for tests. */

import type { Event, Line, Member, Numbered, RoomState, Settings, Welcome } from '../../wire';

export const SETTINGS: Settings = {
  version: 1,
  newcomers: 'participant',
  waiting_room: false,
  members_max: 50,
  participants: { present: true, speak: true, chat: true, files: true, timer: true, film: true },
  observers: { react: true, vote: true, ask: true },
  muted_on_entry: false,
  may_unmute: true,
  present_by_asking: true,
  questions: { open: false, anonymous: false, reviewed: false },
  timer: null,
  quiet_company: false,
  film: false,
  film_strict: false,
  keep_hours: 168,
};

export function member(id: number, name: string, change: Partial<Member> = {}): Member {
  return {
    id,
    name,
    role: 'participant',
    media: { microphone: false, camera: false, sound: true },
    held_mute: false,
    away: false,
    joined_at_ms: 1_000 * id,
    ...change,
  };
}

export function line(id: number, from: number, text: string, change: Partial<Line> = {}): Line {
  const name = `person ${String(from)}`;
  return { id, from, name, kind: { type: 'said' }, text, at_ms: 1_000 * id, deleted: false, ...change };
}

export function room(change: Partial<RoomState> = {}): RoomState {
  return {
    slug: 'physics',
    title: 'Physics',
    locked: false,
    has_password: false,
    settings: SETTINGS,
    members: [member(1, 'Ada', { role: 'host' }), member(2, 'Bo'), member(3, 'Cy')],
    floor: { presenter: null, queue: [], hands: [] },
    lines: [],
    files: [],
    agenda: { ends_at_ms: null, notices: [] },
    spotlight: null,
    waiting: [],
    questions: [],
    mine: { questions: [], votes: [] },
    study: {
      clock: { phase: 'idle', cycle: 0, length_ms: 0, ends_at_ms: null, left_ms: 0, focus_done: 0 },
      goal: '',
      focus_ms: 0,
      people: [],
    },
    film: {
      file: null,
      leader: null,
      anchor: { playing: false, position_ms: 0, at_ms: 0, rate_permille: 1_000, hold: null },
      playlist: [],
      marks: [],
    },
    ...change,
  };
}

export function welcome(you: number, snapshot: RoomState | null, change: Partial<Welcome> = {}): Welcome {
  return {
    you,
    role: 'participant',
    seat_token: 'token',
    cursor: { epoch: 7, number: 10 },
    snapshot,
    media: { addresses: [], session: '0'.repeat(16), suite: 'aes256_gcm', secret: '0'.repeat(64) },
    room_clock_ms: 60_000,
    beat_interval_ms: 1_000,
    host_key: null,
    ...change,
  };
}

/** Events with numbers from `first` upwards. */
export function numbered(first: number, ...events: Event[]): { type: 'events'; events: Numbered[] } {
  return { type: 'events', events: events.map((event, at) => ({ number: first + at, event })) };
}
