/** A whole pretended meeting: people who speak, write, raise hands and show a screen, and what we do there. */

import { random } from '../../model/testing/random';
import { NO_MEDIA } from '../../model/meeting';
import type { Command, Line, PersonSigns, Reply, RoomState, Welcome } from '../../wire';
import { type JoinWish, type LocalMedia, type Meeting, type MeetingEvent, RefusalError } from '../types';
import { openPageFilm } from '../film/page';
import { labelOf, pause, speech } from './devices';
import { LINES, actor, memberOf } from './people';
import { SCREEN, drawCamera, drawScreen } from './pictures';
import { askedBefore } from './questions';
import { PretendRoom, Refused } from './rules';
import type { Scene } from './scenes';
import { USUAL } from './templates';
import { NO_FILM, NO_STUDY, studying, watching } from './together';
import { transferOf } from './transfers';

const SIGNS_MS = 250;
const DEED_MS = 5_000;
const LINK_LOST_MS = 4_000;
const ANSWER_MS = 30;
const STARTING_MS = 200;
const HISTORY_LINES = 120;
const SNAPSHOT_LINES = 50;
/** The room was opened so long before we come. */
const OPEN_FOR_MS = 12 * 60_000;
const SILENCE = 127;

export function pretend(slug: string, scene: Scene, wish: JoinWish, heard: (event: MeetingEvent) => void): Meeting {
  const chance = random(11);
  const began = performance.now();
  const roomClock = () => Math.round(OPEN_FOR_MS + performance.now() - began);
  const you = scene.people + 1;
  const timers: ReturnType<typeof setInterval>[] = [];
  let over = false;
  let linked = true;
  const held: MeetingEvent[] = [];
  /** What happens while the link is lost is told afterwards. */
  const tell = (event: MeetingEvent) => {
    if (over) return;
    if (linked || event.type === 'link' || event.type === 'media') heard(event);
    else if (event.type === 'events') held.push(event);
  };

  const lines = history(scene.people);
  const state = opening(slug, scene, wish, you, lines.slice(-SNAPSHOT_LINES), roomClock());
  const room = new PretendRoom(state, lines.slice(0, -SNAPSHOT_LINES), (events) => tell({ type: 'events', events }), roomClock);

  let media: LocalMedia = { ...NO_MEDIA, sound: wish.sound };
  const setMedia = (change: Partial<LocalMedia>) => {
    media = { ...media, ...change };
    tell({ type: 'media', media });
  };
  const device = async (kind: 'microphone' | 'camera', on: boolean) => {
    if (on) {
      setMedia({ [kind]: { state: 'starting' } });
      await pause(STARTING_MS);
      setMedia({ [kind]: { state: 'on', ...labelOf(kind) } });
    } else {
      setMedia({ [kind]: { state: 'off' } });
    }
    room.setMedia(you, { [kind]: on });
  };

  const signs = () => {
    const seconds = (performance.now() - began) / 1_000;
    const talking = 1 + (Math.floor(seconds / 6) % Math.max(1, Math.min(3, scene.people)));
    const people = room.state.members.map((member): PersonSigns => {
      const speaks = member.id === talking && member.media.microphone;
      const level = speaks ? Math.round((1 - speech(seconds, member.id)) * 60) : SILENCE;
      return { id: member.id, speaking: speaks, level, latency_ms: 4 + member.id };
    });
    tell({ type: 'signs', signs: { people } });
    const own = media.microphone.state === 'on' ? speech(seconds, 3) : 0;
    setMedia({ level: own });
    tell({
      type: 'quality',
      figures: {
        roundTripMs: scene.poor ? 210 : 6 + (Math.floor(seconds) % 3),
        jitterMs: scene.poor ? 95 : 2,
        lossPermille: scene.poor ? 120 : 0,
        receiveKbps: scene.poor ? 48 : 1_850,
        sendKbps: media.camera.state === 'on' ? 900 : 28,
        path: 'udp',
        hint: null,
      },
    });
  };

  /** One of the people does something that everybody sees. */
  const deed = () => {
    const others = room.state.members.filter((member) => member.id !== you);
    if (others.length === 0) return;
    const { id } = chance.pick(others);
    switch (chance.whole(0, 6)) {
      case 0:
        if (!room.state.floor.hands.includes(id)) room.happen({ type: 'hand_raised', payload: { id } });
        break;
      case 1: {
        const [first] = room.state.floor.hands;
        if (first !== undefined && first !== you) room.happen({ type: 'hand_lowered', payload: { id: first } });
        break;
      }
      case 2:
        tell({ type: 'signs', signs: { people: [{ id, reaction: chance.pick(['👍', '👏', '😂', '❤️', '🎉']) }] } });
        break;
      default:
        tell({ type: 'signs', signs: { people: [{ id, typing: true }] } });
        setTimeout(() => {
          if (over) return;
          tell({ type: 'signs', signs: { people: [{ id, typing: false }] } });
          room.line(id, chance.pick(LINES));
        }, 1_500);
    }
  };

  const welcome = (snapshot: boolean): Welcome => ({
    you,
    role: scene.host ? 'host' : 'participant',
    seat_token: 'pretended',
    cursor: { epoch: 1, number: room.number },
    snapshot: snapshot ? room.state : null,
    media: { addresses: [], session: '0'.repeat(16), suite: 'aes256_gcm', secret: '0'.repeat(64) },
    room_clock_ms: roomClock(),
    beat_interval_ms: 1_000,
    host_key: scene.host ? 'pretended' : null,
  });

  const loseLink = () => {
    linked = false;
    tell({ type: 'link', link: { state: 'lost', retryAtMs: performance.now() + LINK_LOST_MS, attempt: 1 } });
    setTimeout(() => {
      linked = true;
      tell({ type: 'welcome', welcome: welcome(false) });
      tell({ type: 'link', link: { state: 'up' } });
      for (const event of held.splice(0)) tell(event);
    }, LINK_LOST_MS);
  };

  const end = (reason: 'left' | 'room_ended', text: string) => {
    if (over) return;
    tell({ type: 'ended', reason, text });
    over = true;
    for (const timer of timers) clearInterval(timer);
  };

  // The caller has the meeting before it hears of it.
  queueMicrotask(() => {
    tell({ type: 'welcome', welcome: welcome(true) });
    tell({ type: 'media', media });
    if (scene.share) tell({ type: 'screen', screen: { state: 'shown', ...SCREEN } });
    if (scene.poor) tell({ type: 'signs', signs: { audio_only: true } });
    if (scene.lostAfterMs !== null) setTimeout(loseLink, scene.lostAfterMs);
    if (!scene.still) timers.push(setInterval(signs, SIGNS_MS), setInterval(deed, DEED_MS));
    if (wish.microphone) void device('microphone', true);
    if (wish.camera) void device('camera', true);
  });

  const ask = async (command: Command): Promise<Reply> => {
    await pause(ANSWER_MS);
    if (command.type === 'end_room') end('room_ended', 'The host has ended the meeting.');
    if (command.type === 'react') {
      tell({ type: 'signs', signs: { people: [{ id: you, reaction: command.payload.emoji }] } });
    }
    try {
      return room.do(you, command);
    } catch (error) {
      if (error instanceof Refused) throw new RefusalError(error.code, `Refused: ${error.code}.`);
      throw error;
    }
  };

  return {
    ask,
    setMicrophone: (on) => {
      if (on && (room.member(you)?.held_mute ?? false)) {
        setMedia({ microphone: { state: 'failed', why: 'muted_by_host' } });
        return Promise.resolve();
      }
      return device('microphone', on);
    },
    setCamera: (on) => device('camera', on),
    async shareScreen(on) {
      setMedia({ screen: on ? { state: 'on', device: null, label: 'Entire screen' } : { state: 'off' } });
      await ask({ type: on ? 'take_floor' : 'release_floor' });
    },
    setSound: (on) => {
      setMedia({ sound: on, soundBlocked: false });
      room.setMedia(you, { sound: on });
      return Promise.resolve();
    },
    chooseDevice: () => Promise.resolve(),
    chooseSending: (send) => setMedia({ send }),
    watch: () => undefined,
    attachCamera: (source, canvas) => drawCamera(canvas, source === you ? 7 : source - 1, scene.still),
    attachScreen(canvas, changed) {
      changed(SCREEN);
      return drawScreen(canvas, scene.still);
    },
    openFilm: (wish, told) =>
      openPageFilm(wish, { me: you, ask, roomReading: (localMs) => ({ roomMs: OPEN_FOR_MS + localMs - began, errorMs: 1 }) }, told),

    upload: (file) =>
      transferOf(
        { direction: 'up', name: file.name, sizeBytes: file.size, file: null },
        (transfer) => tell({ type: 'transfer', transfer }),
        () => room.shareFile(you, file.name, file.size),
      ),
    download: (file) =>
      transferOf(
        { direction: 'down', name: file.name, sizeBytes: file.size_bytes, file: file.id },
        (transfer) => tell({ type: 'transfer', transfer }),
        () => file.id,
      ),
    shareLink: (file) => (file.share_token === null ? null : `${location.origin}/s/${file.share_token}`),
    joinLink: () => `${location.origin}/r/${slug}#k=pretended`,
    leave() {
      end('left', 'You have left the meeting.');
      return Promise.resolve();
    },
  };
}

function history(people: number): Line[] {
  if (people === 0) return [];
  return Array.from({ length: HISTORY_LINES }, (_, at) => {
    const from = 1 + ((at * 7) % Math.min(people, 5));
    const text = LINES[(at * 3) % LINES.length] ?? '';
    const at_ms = Date.now() - (HISTORY_LINES - at) * 20_000;
    return { id: at + 1, from, name: actor(from - 1).name, kind: { type: 'said' }, text, at_ms, deleted: at % 31 === 30 };
  });
}

function opening(
  slug: string,
  scene: Scene,
  wish: JoinWish,
  you: number,
  lines: Line[],
  clockMs: number,
): RoomState {
  const members = Array.from({ length: scene.people }, (_, at) => memberOf(actor(at), at + 1, Date.now() - 600_000));
  const own = {
    ...memberOf({ ...actor(7), role: scene.host ? 'host' : 'participant' }, you, Date.now()),
    name: wish.name,
    media: { microphone: false, camera: false, sound: wish.sound },
  };
  return {
    slug,
    title: scene.title,
    locked: false,
    has_password: scene.password !== null,
    settings: { ...USUAL, waiting_room: scene.waitMs > 0 || scene.waiting.length > 0, ...scene.settings },
    members: [...members, own],
    floor: { presenter: scene.share ? 3 : null, queue: [], hands: scene.people >= 5 ? [4] : [] },
    lines,
    files:
      scene.people === 0
        ? []
        : [
            {
              id: 1,
              owner: 1,
              name: 'results.csv',
              size_bytes: 48_213,
              sha256: '0'.repeat(64),
              shared_at_ms: Date.now() - 400_000,
              share_token: 'pretended-1',
            },
            {
              id: 2,
              owner: 2,
              name: 'Recording of the last lecture, with a rather long name (final version 3).mkv',
              size_bytes: 734_003_200,
              sha256: '1'.repeat(64),
              shared_at_ms: Date.now() - 200_000,
              share_token: null,
            },
          ],
    agenda: { ends_at_ms: scene.endsInMs === null ? null : clockMs + scene.endsInMs, notices: [] },
    spotlight: null,
    waiting: scene.waiting.map((name, at) => ({ id: at + 1, name, since_ms: Date.now() - (3 - at) * 60_000 })),
    questions: scene.questions ? askedBefore(clockMs).filter((question) => scene.host || (!question.hidden && !question.in_review)) : [],
    mine: { questions: [], votes: scene.questions ? [4] : [] },
    study: scene.together === 'study' ? studying(clockMs) : NO_STUDY,
    film: scene.together === 'film' ? watching(clockMs) : NO_FILM,
  };
}
