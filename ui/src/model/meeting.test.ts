import { describe, expect, it } from 'vitest';
import type { LocalMedia, MeetingEvent } from '../bridge/types';
import type { Event } from '../wire';
import type { Fact } from './announcements';
import { type MeetingState, NO_MEDIA, begin, hear, left, people, showPanel, shownBanners, tick } from './meeting';
import { line, member, numbered, room, welcome } from './testing/room';

const YOU = 2;

function meeting(change: Parameters<typeof room>[0] = {}): MeetingState {
  const begun = begin(welcome(YOU, room(change)), 0);
  if (begun === null) throw new Error('a welcome with a snapshot begins a meeting');
  return begun;
}

function after(state: MeetingState, ...events: Event[]): MeetingState {
  return hear(state, numbered(state.number + 1, ...events), 0);
}

/** What was announced since `before`. */
function told(before: MeetingState, state: MeetingState): Fact[] {
  return state.announcements.items.filter((item) => item.id >= before.announcements.next).map((item) => item.fact);
}

const media = (change: Partial<LocalMedia>): MeetingEvent => ({ type: 'media', media: { ...NO_MEDIA, ...change } });
const MICROPHONE_ON = { state: 'on', device: null, label: '' } as const;

describe('events', () => {
  it('change the room in order', () => {
    const state = after(meeting(), { type: 'hand_raised', payload: { id: 3 } }, { type: 'hand_raised', payload: { id: 1 } });
    expect(state.room.floor.hands).toEqual([3, 1]);
    expect(state.number).toBe(12);
  });

  it('that were told before are passed over', () => {
    const raise: Event = { type: 'hand_raised', payload: { id: 3 } };
    const once = hear(meeting(), numbered(11, raise), 0);
    expect(hear(once, numbered(11, raise), 0).room.floor.hands).toEqual([3]);
  });

  it('may leave numbers out', () => {
    const state = hear(meeting(), numbered(99, { type: 'room_locked', payload: { locked: true } }), 0);
    expect([state.room.locked, state.number]).toEqual([true, 99]);
  });

  it('bring what a snapshot and all events before it would', () => {
    const events: Event[] = [
      { type: 'participant_joined', payload: { member: member(4, 'Di') } },
      { type: 'line_said', payload: { line: line(1, 4, 'hello') } },
      { type: 'floor_changed', payload: { floor: { presenter: 4, queue: [3], hands: [] }, why: 'granted' } },
      { type: 'participant_left', payload: { id: 4, reason: 'left' } },
    ];
    const atOnce = after(meeting(), ...events);
    const oneByOne = events.reduce((now, event) => after(now, event), meeting());
    expect(oneByOne.room).toEqual(atOnce.room);
  });
});

describe('a film', () => {
  const file = { name: 'a.mp4', size_bytes: 1, duration_ms: 0, sample: null, sha256: null };
  const anchor = { playing: false, position_ms: 0, at_ms: 0, rate_permille: 1_000, hold: null };
  const opened: Event = { type: 'film_opened', payload: { file, leader: 1, anchor } };
  const closed: Event = { type: 'film_opened', payload: { file: null, leader: null, anchor } };

  it('takes the stage while it is open, and so it does for who comes late', () => {
    const watching = after(meeting(), opened);
    expect(watching.stage.duringShare).toBe('presentation');
    expect(after(watching, closed).stage.duringShare).toBeNull();
    expect(meeting({ film: { ...room().film, file } }).stage.duringShare).toBe('presentation');
  });

  it('keeps the stage when a screen beside it ends', () => {
    const screen = (state: 'waiting' | 'none'): MeetingEvent => ({ type: 'screen', screen: { state } });
    const both = hear(after(meeting(), opened), screen('waiting'), 0);
    expect(hear(both, screen('none'), 0).stage.duringShare).toBe('presentation');
  });

  it('and the clock are set right by a pulse', () => {
    const clock = { phase: 'focus' as const, cycle: 1, length_ms: 9, ends_at_ms: 9, left_ms: 0, focus_done: 0 };
    const pulsed = hear(after(meeting(), opened), { type: 'pulse', pulse: { clock, film: { ...anchor, position_ms: 77 } } }, 0);
    expect(pulsed.room.study.clock).toEqual(clock);
    expect(pulsed.room.film.anchor.position_ms).toBe(77);
    expect(pulsed.room.film.file).toEqual(file);
  });
});

describe('a lost link', () => {
  const lost: MeetingEvent = { type: 'link', link: { state: 'lost', retryAtMs: 400, attempt: 1 } };

  it('is said, counted down and over', () => {
    const before = meeting();
    const down = hear(before, lost, 100);
    expect(shownBanners(down, 150)).toEqual([{ type: 'link_lost', retryInMs: 250, attempt: 1 }]);
    const up = hear(down, { type: 'link', link: { state: 'up' } }, 500);
    expect(told(before, up).map((fact) => fact.type)).toEqual(['link_lost', 'link_back']);
    expect(shownBanners(up, 500)).toEqual([]);
  });

  it('is told once, however often it is tried again', () => {
    const before = meeting();
    const down = hear(hear(before, lost, 0), { type: 'link', link: { state: 'lost', retryAtMs: 900, attempt: 2 } }, 500);
    expect(told(before, down)).toHaveLength(1);
    expect(shownBanners(down, 500)[0]).toMatchObject({ attempt: 2 });
  });

  it('leaves the room as it was when the events since follow', () => {
    const before = after(meeting(), { type: 'hand_raised', payload: { id: 3 } });
    const back = hear(before, { type: 'welcome', welcome: welcome(YOU, null) }, 0);
    expect(back.room).toBe(before.room);
    expect(back.number).toBe(11);
  });

  it('takes the snapshot when there is one', () => {
    const before = after(meeting(), { type: 'hand_raised', payload: { id: 3 } });
    const newer = welcome(YOU, room({ title: 'New' }), { cursor: { epoch: 8, number: 3 } });
    const back = hear(before, { type: 'welcome', welcome: newer }, 0);
    expect([back.room.title, back.number, back.room.floor.hands]).toEqual(['New', 3, []]);
  });

  it('loses no panel, pin or transfer', () => {
    const before = showPanel(meeting(), 'chat');
    const back = hear(before, { type: 'welcome', welcome: welcome(YOU, room()) }, 0);
    expect([back.panel, back.chat.open]).toEqual(['chat', true]);
  });
});

describe('who is told what', () => {
  it.each<[string, Event, Fact[]]>([
    ['somebody comes', { type: 'participant_joined', payload: { member: member(4, 'Di') } }, [{ type: 'joined', names: ['Di'] }]],
    ['somebody goes', { type: 'participant_left', payload: { id: 3, reason: 'left' } }, [{ type: 'left', names: ['Cy'] }]],
    ['somebody is taken out', { type: 'participant_left', payload: { id: 3, reason: 'kicked' } }, [{ type: 'kicked', name: 'Cy' }]],
    ['a hand goes up', { type: 'hand_raised', payload: { id: 3 } }, [{ type: 'hand_raised', name: 'Cy' }]],
    ['our hand goes up', { type: 'hand_raised', payload: { id: YOU } }, [{ type: 'own_hand', raised: true }]],
    ['a line is said', { type: 'line_said', payload: { line: line(1, 3, 'hi') } }, [{ type: 'said', name: 'person 3', text: 'hi' }]],
    ['we say a line', { type: 'line_said', payload: { line: line(1, YOU, 'hi') } }, []],
    ['we have another role', { type: 'role_changed', payload: { id: YOU, role: 'host', why: 'passed_on' } }, [{ type: 'role', role: 'host', why: 'passed_on' }]],
    ['others have another role', { type: 'role_changed', payload: { id: 3, role: 'host', why: 'given' } }, []],
    [
      'somebody presents',
      { type: 'floor_changed', payload: { floor: { presenter: 3, queue: [], hands: [] }, why: 'taken' } },
      [{ type: 'presents', name: 'Cy' }],
    ],
    [
      'the queue grows',
      { type: 'floor_changed', payload: { floor: { presenter: null, queue: [3], hands: [] }, why: 'asked' } },
      [],
    ],
  ])('when %s', (_, event, facts) => {
    const before = meeting();
    expect(told(before, after(before, event))).toEqual(facts);
  });

  it('when the host mutes us, but not when we mute ourselves', () => {
    const on = { microphone: true, camera: false, sound: true };
    const speaking = meeting({ members: [member(1, 'Ada'), member(YOU, 'Bo', { media: on })] });
    const muted: Event = {
      type: 'media_changed',
      payload: { id: YOU, media: { ...on, microphone: false }, held_mute: false },
    };
    const open = hear(speaking, media({ microphone: MICROPHONE_ON }), 0);
    expect(told(open, after(open, muted))).toEqual([{ type: 'muted_by_host', mayUnmute: true }]);
    const closed = hear(open, media({ microphone: { state: 'off' } }), 0);
    expect(told(closed, after(closed, muted))).toEqual([]);
  });

  it('when the host holds our mute and lets it go', () => {
    const event = (held_mute: boolean): Event => ({
      type: 'media_changed',
      payload: { id: YOU, media: { microphone: false, camera: false, sound: true }, held_mute },
    });
    const before = meeting();
    const held = after(before, event(true));
    expect(told(before, held)).toEqual([{ type: 'muted_by_host', mayUnmute: false }]);
    expect(told(held, after(held, event(false)))).toEqual([{ type: 'may_unmute' }]);
  });

  it('when a device starts, stops or fails', () => {
    const before = meeting();
    let state = hear(before, media({ microphone: { state: 'starting' } }), 0);
    state = hear(state, media({ microphone: MICROPHONE_ON }), 0);
    state = hear(state, media({ microphone: MICROPHONE_ON, level: 0.4 }), 0);
    state = hear(state, media({ microphone: { state: 'failed', why: 'unplugged' } }), 0);
    state = hear(state, media({ microphone: { state: 'off' } }), 0);
    expect(told(before, state)).toEqual([
      { type: 'microphone', on: true },
      { type: 'device_failed', device: 'microphone', why: 'unplugged' },
    ]);
  });
});

describe('a room that is told as a whole because too much was missed', () => {
  it('is taken over, what is already in it is not told again, and who spoke and has gone is silent', () => {
    let state = hear(meeting(), { type: 'signs', signs: { people: [{ id: 3, speaking: true }] } }, 0);
    const left = room().members.filter(({ id }) => id !== 3);
    const whole = room({ title: 'New', members: left, lines: [line(1, 2, 'missed')] });
    state = hear(state, { type: 'snapshot', cursor: { epoch: 1, number: 40 }, state: whole }, 0);
    expect([state.room.title, state.number, state.signals.of[3]]).toEqual(['New', 40, undefined]);
    const late = hear(state, numbered(39, { type: 'room_retitled', payload: { title: 'Old' } }), 0);
    expect(late).toBe(state);
    const next = hear(state, numbered(41, { type: 'room_retitled', payload: { title: 'Newest' } }), 0);
    expect(next.room.title).toBe('Newest');
  });
});

describe('a time limit', () => {
  // The room clock was 60 s when our own was 0.
  const limited = () => meeting({ agenda: { ends_at_ms: 60_000 + 5 * 60_000 + 2_000, notices: [] } });

  it('counts down on the room clock', () => {
    expect(left(limited(), 0)?.ms).toBe(302_000);
    expect(left(limited(), 2_000)?.ms).toBe(300_000);
  });

  it('is said at its marks, once each', () => {
    let state = tick(limited(), 0);
    const before = state;
    for (let atMs = 0; atMs <= 300_000; atMs += 500) state = tick(state, atMs);
    expect(told(before, state)).toEqual([
      { type: 'time_left', ms: 300_000 },
      { type: 'time_left', ms: 60_000 },
    ]);
  });
});

describe('a share', () => {
  it('turns the stage to the screen and back', () => {
    const shown = hear(meeting(), { type: 'screen', screen: { state: 'waiting' } }, 0);
    expect(shown.stage.duringShare).toBe('presentation');
    expect(hear(shown, { type: 'screen', screen: { state: 'none' } }, 0).stage.duringShare).toBeNull();
  });
});

describe('panels', () => {
  it('are open one at a time', () => {
    let state = showPanel(meeting(), 'chat');
    state = showPanel(state, 'files');
    expect([state.panel, state.chat.open, state.files.open]).toEqual(['files', false, true]);
    state = showPanel(state, null);
    expect([state.panel, state.files.open]).toEqual([null, false]);
  });
});

describe('people', () => {
  it('who went give no signs and hold no pin', () => {
    let state = hear(meeting(), { type: 'signs', signs: { people: [{ id: 3, speaking: true }] } }, 0);
    expect(people(state, 0).find((person) => person.id === 3)?.speaking).toBe(true);
    state = after(state, { type: 'participant_left', payload: { id: 3, reason: 'left' } });
    expect(state.signals.of[3]).toBeUndefined();
    expect(state.signals.speaker).toBeNull();
  });

  it('who were muted stop speaking without a sign', () => {
    let state = hear(meeting(), { type: 'signs', signs: { people: [{ id: 3, speaking: true, level: 3 }] } }, 0);
    const silent = { microphone: false, camera: false, sound: true };
    state = after(state, { type: 'media_changed', payload: { id: 3, media: silent, held_mute: false } });
    expect(people(state, 0).find((person) => person.id === 3)).toMatchObject({ speaking: false, level: 0 });
  });
});

describe('a first welcome', () => {
  it('without a snapshot begins nothing', () => {
    expect(begin(welcome(YOU, null), 0)).toBeNull();
  });

  it('leaves nothing unread', () => {
    expect(meeting({ lines: [line(1, 1, 'a'), line(2, 1, 'b')] }).chat.unread).toBe(0);
  });
});
