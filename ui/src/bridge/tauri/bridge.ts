/** The bridge of the desktop program, over whatever carries its words. */

import type { RoomCreated, RoomLook, ServerInfo, TemplateList } from '../../wire';
import {
  RefusalError,
  type Bridge,
  type Capabilities,
  type Desktop,
  type DesktopSettings,
  type Enhancement,
  type JoinWish,
  type Lack,
  type MeetingEvent,
  type MeetingReport,
  type RecentRoom,
  type RoomLink,
  type ScreenOffer,
} from '../types';
import { desktopDevices, type Chosen } from './devices';
import { desktopFilms } from './film';
import { DesktopMeeting, meetingEvent } from './meeting';
import { Pictures } from './pictures';
import { Screen } from './screen';
import { asked, type Port, type SettingsTrouble, type Told } from './words';

interface Hello {
  version: string;
  lacks: Partial<Record<keyof Capabilities, Lack>>;
  link: string | null;
  settingsTrouble: SettingsTrouble | null;
  devices: Chosen;
}

export function desktopBridge(port: Port): Bridge {
  const screen = new Screen();
  const pictures = new Pictures(port.pictures, screen);
  const chosen: Chosen = { microphone: null, speaker: null, camera: null };
  const devices = desktopDevices(port, pictures, chosen);
  const can: Capabilities = {
    webrtc: true,
    webcodecs: true,
    camera: true,
    microphone: true,
    screenShare: true,
    chooseSpeaker: true,
    notifications: true,
    globalPushToTalk: true,
    dragOut: true,
  };
  let shared: string | null = null;
  let meeting: DesktopMeeting | undefined;
  let heard: ((event: MeetingEvent) => void) | undefined;

  const hello = asked<Hello>(port, { type: 'hello' }).then((hello) => {
    Object.assign(can, hello.lacks);
    Object.assign(chosen, hello.devices);
    return hello;
  });

  port.listen((told) => {
    const event = meetingEvent(told, performance.now());
    if (event === null) return;
    if (event.type === 'clock') meeting?.heardClock(event);
    heard?.(event);
    if (event.type === 'ended') {
      heard = undefined;
      meeting?.close();
      meeting = undefined;
    }
  });

  return {
    can,
    devices,
    film: desktopFilms(port),
    reports: {
      read: (link) => asked<MeetingReport>(port, { type: 'read_report', payload: { link } }),
      save: (link, kind) => asked<string | null>(port, { type: 'save_report', payload: { link, kind } }),
      async reopen(link) {
        await asked(port, { type: 'reopen_room', payload: { link } });
      },
    },
    desktop: desktopOf(port, hello, (screen) => (shared = screen)),

    async serverInfo() {
      const info = await asked<ServerInfo>(port, { type: 'server_info' });
      // Pictures of servers are not loaded into this window.
      return { ...info, organisation: { ...info.organisation, has_logo: false } };
    },
    listRooms: () => asked<RoomLook[]>(port, { type: 'list_rooms' }),
    lookAtRoom: (link) => asked<RoomLook>(port, { type: 'look_at_room', payload: { link } }),
    listTemplates: async () => (await asked<TemplateList>(port, { type: 'list_templates' })).templates,
    createRoom: (wish) => asked<RoomCreated>(port, { type: 'create_room', payload: { wish } }),

    // A page that is loaded again has left.
    returning: () => null,

    async join(wish: JoinWish, listener, giveUp) {
      heard = listener;
      const stop = (): void => void asked(port, { type: 'give_up' }).catch(() => undefined);
      if (giveUp?.aborted) throw new RefusalError('given_up', '');
      giveUp?.addEventListener('abort', stop, { once: true });
      try {
        const { you, joinLink } = await asked<{ you: number; joinLink: string }>(port, { type: 'join', payload: { wish } });
        const parts = { port, pictures, screen, devices, chosenScreen: () => shared };
        meeting = new DesktopMeeting(parts, you, joinLink);
        return meeting;
      } catch (error) {
        heard = undefined;
        throw error;
      } finally {
        giveUp?.removeEventListener('abort', stop);
      }
    },

    notify({ title, body }) {
      if (!document.hasFocus()) asked(port, { type: 'notify', payload: { title, body } }).catch(() => undefined);
    },
    allowNotes: () => Promise.resolve(true),
  };
}

function desktopOf(port: Port, hello: Promise<Hello>, choose: (screen: string | null) => void): Desktop {
  const on = <T extends Told['type']>(type: T, listener: (told: Extract<Told, { type: T }>) => void): (() => void) =>
    port.listen((told) => {
      if (told.type === type) listener(told as Extract<Told, { type: T }>);
    });
  return {
    version: () => hello.then(({ version }) => version),
    readLink: (text) => asked<RoomLink>(port, { type: 'read_link', payload: { text } }),
    servers: () => asked(port, { type: 'servers' }),
    find(found) {
      const stop = on('servers', ({ servers }) => found(servers));
      const find = (on: boolean): void => void asked(port, { type: 'find_servers', payload: { on } }).catch(() => undefined);
      find(true);
      return () => {
        stop();
        find(false);
      };
    },
    async trust({ server, fingerprint, name }) {
      await asked(port, { type: 'trust', payload: { server, fingerprint, name } });
    },
    async use(server) {
      await asked(port, { type: 'use_server', payload: { server } });
    },
    async forget(server) {
      await asked(port, { type: 'forget_server', payload: { server } });
    },
    recent: () => asked<RecentRoom[]>(port, { type: 'recent' }),
    async forgetRecent({ slug, server }) {
      await asked(port, { type: 'forget_recent', payload: { slug, server: server ?? '' } });
    },
    onLink(opened) {
      // One that was clicked before this page was there comes with the first answer.
      hello.then(({ link }) => link !== null && opened(link)).catch(() => undefined);
      return on('opened', ({ link }) => opened(link));
    },
    onNote: (heard) => on('note', ({ note }) => heard(note)),
    onSettingsTrouble(heard) {
      // What was so before this page was there comes with the first answer.
      hello.then(({ settingsTrouble }) => settingsTrouble !== null && heard(settingsTrouble.text)).catch(() => undefined);
      return on('settings', ({ trouble }) => heard(trouble?.text ?? null));
    },
    screens: () => asked<ScreenOffer[]>(port, { type: 'list_screens' }),
    chooseScreen: choose,
    async showFile(id) {
      await asked(port, { type: 'show_file', payload: { id } });
    },
    async dragFile(id) {
      await asked(port, { type: 'drag_file', payload: { id } });
    },
    settings: () => asked<DesktopSettings>(port, { type: 'settings' }),
    async keep({ askWhere, startHidden, keys }) {
      await asked(port, { type: 'keep', payload: { ask_where: askWhere, start_hidden: startHidden, keys } });
    },
    async enhance(enhancement: Enhancement) {
      await asked(port, { type: 'enhance', payload: { enhancement } });
    },
    ownStudy: () => asked<unknown>(port, { type: 'own_study' }),
    async keepStudy(study) {
      await asked(port, { type: 'keep_study', payload: { study } });
    },
  };
}
