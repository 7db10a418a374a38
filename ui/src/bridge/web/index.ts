/** The bridge of a browser: everything by the browser's own means, and nothing from another host. */

import { bridgeText } from '../../text/bridge';
import type { Enter, RoomList, RoomLook, TemplateList } from '../../wire';
import { pageFilms } from '../film/port';
import { RefusalError, type Bridge, type JoinWish, type Meeting, type MeetingEvent } from '../types';
import { capabilities } from './capabilities';
import { deviceSecret } from './device_secret';
import { devices } from './devices';
import { askJson, serverBase, withInvite, type RoomMade } from './http';
import { Asks } from './link/asks';
import { socketUrl } from './link/control';
import { SeatNote, forgetSeat, keptSeat, sessionStore, type KeptSeat } from './link/seat';
import { Session, type SessionEvents } from './link/session';
import { holdSeat, letGoOfSeat } from './link/seat_lock';
import { WebMeeting } from './meeting';
import { noteSeat, webReports } from './report';

export const bridge: Bridge = {
  can: capabilities(),
  devices,
  film: pageFilms,
  reports: webReports,
  desktop: null,

  serverInfo: () => askJson(serverBase(null), '/api/server'),
  listRooms: async () => (await askJson<RoomList>(serverBase(null), '/api/rooms')).rooms,
  async lookAtRoom({ slug, server, invite }) {
    const path = withInvite(`/api/rooms/${encodeURIComponent(slug)}`, invite);
    return (await askJson<{ room: RoomLook }>(serverBase(server), path)).room;
  },
  async createRoom(wish) {
    const made = await askJson<RoomMade>(serverBase(null), '/api/rooms', wish);
    return { slug: made.slug, join_link: made.join_url, host_link: made.host_url, host_key: made.host_key };
  },
  listTemplates: async () => (await askJson<TemplateList>(serverBase(null), '/api/templates')).templates,

  returning: (link) => keptSeat(sessionStore(), link)?.wish ?? null,

  async join(wish, heard, giveUp) {
    const store = sessionStore();
    const kept = keptSeat(store, wish.link);
    if (kept !== undefined && (await holdSeat(kept.seatToken))) {
      try {
        return await enter(wish, kept, heard, giveUp);
      } catch (error) {
        const isGone = error instanceof RefusalError && !['unreachable', 'given_up'].includes(error.code);
        if (!isGone) throw error;
        // The seat was given up while the page was away: a new one.
        letGoOfSeat(kept.seatToken);
        forgetSeat(store, wish.link.slug);
      }
    }
    return enter(wish, undefined, heard, giveUp);
  },

  notify({ title, body, tag }) {
    if (document.hasFocus() || this.can.notifications !== true || Notification.permission !== 'granted') return;
    try {
      const note = new Notification(title, { body, tag });
      note.addEventListener('click', () => {
        window.focus();
        note.close();
      });
    } catch {
      // Phones have notes of service workers only.
    }
  },

  async allowNotes() {
    if (this.can.notifications !== true) return false;
    return (await Notification.requestPermission()) === 'granted';
  },
};

/** Opens a seat again, or takes a new one. */
async function enter(
  wish: JoinWish,
  kept: KeptSeat | undefined,
  heard: (event: MeetingEvent) => void,
  giveUp: AbortSignal | undefined,
): Promise<Meeting> {
  if (giveUp?.aborted) throw new RefusalError('given_up', bridgeText.meetingOver);
  const store = sessionStore();
  const { link } = wish;
  let meeting: WebMeeting | undefined;
  let note = new SeatNote(store, kept ?? { seatToken: '', wish, refsFrom: 1 });
  const asks = new Asks(() => note.nextRef());
  const events: SessionEvents = {
    waiting: (door) => heard({ type: 'waiting', door }),
    welcome(welcome, isNew) {
      noteSeat(link.slug, welcome.seat_token);
      if (meeting !== undefined) return meeting.events.welcome(welcome, isNew);
      note = new SeatNote(store, { seatToken: welcome.seat_token, wish, refsFrom: kept?.refsFrom ?? 1 });
      note.change({});
      void holdSeat(welcome.seat_token);
      heard({ type: 'welcome', welcome });
      meeting = new WebMeeting(wish, welcome, session, note, heard);
      meeting.begin(welcome);
    },
    events: (list) => meeting?.events.events(list),
    signs: (signs) => meeting?.events.signs(signs),
    link: (state) => (meeting === undefined ? heard({ type: 'link', link: state }) : meeting.events.link(state)),
    clock: (room, local, roundTrip) => meeting?.events.clock(room, local, roundTrip),
    pulse: (pulse) => meeting?.events.pulse(pulse),
    ended(reason, text) {
      stopHurrying();
      letGoOfSeat(session.token);
      meeting?.events.ended(reason, text);
    },
  };
  const session = new Session(socketUrl(withInvite('/ws', link.invite), serverBase(link.server)), asks, events);
  const stopHurrying = hurryWithNetwork(session);
  giveUp?.addEventListener('abort', () => session.giveUp());
  const how: Enter =
    kept === undefined
      ? {
          type: 'join',
          payload: {
            slug: link.slug,
            name: wish.name,
            password: wish.password,
            host_key: link.hostKey,
            sound: wish.sound,
            device: deviceSecret(),
            ...(wish.fileHash == null ? {} : { file_hash: wish.fileHash }),
          },
        }
      : { type: 'resume', payload: { seat_token: kept.seatToken, cursor: null } };
  try {
    await session.enter(how);
  } catch (error) {
    stopHurrying();
    throw error;
  }
  // The welcome was heard before the promise was kept.
  if (meeting === undefined) throw new RefusalError('internal', bridgeText.unreachable);
  return meeting;
}

/** Whatever says that the network may be back brings the next attempt forward. */
function hurryWithNetwork(session: Session): () => void {
  const hurry = (): void => {
    if (!document.hidden) session.hurry();
  };
  window.addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  return () => {
    window.removeEventListener('online', hurry);
    document.removeEventListener('visibilitychange', hurry);
  };
}
