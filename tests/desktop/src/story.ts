/** What every story has: a server, people with the desktop program, guests in browsers, and a clean end. */

import { afterAll, afterEach, beforeAll } from 'vitest';
import { listen } from '../../browser/src/ears';
import { Guest, type GuestWish } from '../../browser/src/guest';
import { Server } from '../../browser/src/server';
import { Desk, type DeskWish } from './desk';

/** Links of a room with the server's key in them, as people pass them on. */
export interface Room {
  slug: string;
  join: string;
  host: string;
}

export interface Story {
  readonly server: Server;
  room(title: string, settings?: Record<string, unknown>): Promise<Room>;
  /** Opens a window without going anywhere. */
  open(wish: DeskWish): Promise<Desk>;
  /** Opens a window and joins. */
  comeIn(link: string, wish: DeskWish): Promise<Desk>;
  /** Opens a browser and joins. */
  guest(link: string, wish: GuestWish): Promise<Guest>;
}

/** Call it at the head of a file of stories. After each story everybody is gone. */
export function story(settings: readonly string[] = []): Story {
  let server: Server | undefined;
  let desks: Desk[] = [];
  let guests: Guest[] = [];

  const running = (): Server => {
    if (server === undefined) throw new Error('the server has not started');
    return server;
  };

  const open = async (wish: DeskWish): Promise<Desk> => {
    const desk = await Desk.open(wish);
    desks.push(desk);
    return desk;
  };

  beforeAll(async () => {
    server = await Server.start(settings);
  });

  afterEach(async ({ task }) => {
    const failed = task.result?.state === 'fail';
    if (failed) {
      for (const desk of desks) await desk.show(task.name);
      for (const guest of guests) await guest.show(task.name);
    }
    for (const desk of desks) await desk.close();
    for (const guest of guests) await guest.close();
    if (failed) console.error(server?.lastWords());
    desks = [];
    guests = [];
  });

  afterAll(async () => {
    await server?.stop();
  });

  return {
    get server() {
      return running();
    },
    open,
    async room(title, settings = {}) {
      const server = running();
      const key = /#(k=[^&]+)/u.exec(server.links.join)?.[1];
      if (key === undefined) throw new Error('the join link has no key');
      const { slug, join, host } = await server.createRoom({ title, ...settings });
      return { slug, join: `${join}#${key}`, host: host.replace('#', `#${key}&`) };
    },
    async comeIn(link, wish) {
      const desk = await open(wish);
      await desk.join(link);
      return desk;
    },
    async guest(link, wish) {
      const guest = await Guest.open(wish);
      guests.push(guest);
      await listen(guest.page);
      await guest.join(link);
      return guest;
    },
  };
}
