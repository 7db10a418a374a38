/**
 * A bridge to nowhere: rooms, people and pictures that are made up in the page. For looking at screens and
 * for tests of views, without a server: `npm run dev -- --mode fake`. The room's address chooses the scene.
 */

import type { RoomLook, ServerInfo } from '../../wire';
import { type Bridge, RefusalError } from '../types';
import { pageFilms } from '../film/port';
import { devices, pause } from './devices';
import { pretend } from './meeting';
import { pretendedReports } from './reports';
import { templates } from './templates';
import { LISTED, SCENES, type Scene, sceneOf } from './scenes';

const ANSWER_MS = 120;
const DOOR_STEP_MS = 2_000;

const INFO: ServerInfo = {
  version: 'pretended',
  lists_rooms: true,
  file_bytes_max: 8 * 1024 ** 3,
  organisation: { name: '', colour: null, has_logo: false },
};

const made = new Map<string, Scene>();

export const bridge: Bridge = {
  can: {
    webrtc: true,
    webcodecs: true,
    camera: true,
    microphone: true,
    screenShare: true,
    chooseSpeaker: true,
    notifications: true,
    globalPushToTalk: 'not_in_browsers',
    dragOut: 'not_in_browsers',
  },
  desktop: null,

  async serverInfo() {
    await pause(ANSWER_MS);
    return INFO;
  },

  async listRooms() {
    await pause(ANSWER_MS);
    return [...LISTED, ...made.keys()].map((slug) => lookOf(slug, find(slug)));
  },

  async lookAtRoom(link) {
    await pause(ANSWER_MS);
    return lookOf(link.slug, find(link.slug));
  },

  async createRoom(wish) {
    await pause(ANSWER_MS);
    const slug = wish.slug ?? (wish.title.toLowerCase().replace(/[^a-z0-9]+/gu, '-').replace(/^-|-$/gu, '') || 'room');
    if (slug in SCENES || made.has(slug)) throw refusal('slug_taken', 'There is already a room of that name. Choose another.');
    made.set(slug, { ...(SCENES['alone'] ?? find('lobby')), title: wish.title, password: wish.password ?? null });
    const join = `${location.origin}/r/${slug}#k=pretended`;
    return { slug, join_link: join, host_link: `${join}&h=pretended`, host_key: 'pretended' };
  },

  async listTemplates() {
    await pause(ANSWER_MS);
    return templates();
  },

  devices,
  film: pageFilms,
  reports: pretendedReports,

  returning: () => null,

  async join(wish, heard, giveUp) {
    const scene = find(wish.link.slug);
    await pause(ANSWER_MS);
    if (scene.refused !== null) throw refusal(scene.refused, `This pretended room answers ${scene.refused}.`);
    if (scene.password !== null && wish.password === null) throw refusal('password_needed', 'This room has a password. Enter it.');
    if (scene.password !== null && wish.password !== scene.password) throw refusal('password_wrong', 'The password is wrong. Try again.');
    for (let left = scene.waitMs; left > 0; left -= DOOR_STEP_MS) {
      heard({
        type: 'waiting',
        door: { title: scene.title, position: Math.ceil(left / DOOR_STEP_MS), seat_token: 'pretended' },
      });
      await pause(DOOR_STEP_MS, giveUp);
      if (giveUp?.aborted === true) throw new RefusalError('given_up', 'You have stepped away from the door.');
    }
    return pretend(wish.link.slug, scene, wish, heard);
  },

  notify: () => undefined,
  allowNotes: () => Promise.resolve(false),
};

function find(slug: string): Scene {
  const scene = sceneOf(slug) ?? made.get(slug);
  if (scene === undefined) throw refusal('room_not_found', 'There is no such room. Check the link.');
  return scene;
}

function lookOf(slug: string, scene: Scene): RoomLook {
  const full = scene.refused === 'room_full';
  return {
    slug,
    title: scene.title,
    has_password: scene.password !== null,
    locked: scene.refused === 'room_locked',
    members: full ? 50 : scene.people,
    members_max: 50,
    ended: scene.refused === 'room_ended' ? 'host_ended' : null,
    waiting_room: scene.waitMs > 0,
    film_strict: false,
  };
}

function refusal(code: RefusalError['code'], message: string): RefusalError {
  return new RefusalError(code, message);
}
