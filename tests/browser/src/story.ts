/** What every story has: a server, its guests, and a clean end. */

import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { listen } from './ears';
import { Guest, type GuestWish } from './guest';
import { Relay } from './relay';
import { Server } from './server';

export interface Story {
  readonly server: Server;
  /** Opens a browser without going anywhere. */
  open(wish: GuestWish): Promise<Guest>;
  /** Opens a browser and joins. */
  comeIn(link: string, wish: GuestWish): Promise<Guest>;
  /** A cable to the server that can be pulled. */
  cable(): Promise<Relay>;
}

/** Call it at the head of a file of stories. After each story its guests are gone, and none has strayed. */
export function story(settings: readonly string[] = []): Story {
  let server: Server | undefined;
  let guests: Guest[] = [];
  let cables: Relay[] = [];

  const open = async (wish: GuestWish): Promise<Guest> => {
    const guest = await Guest.open(wish);
    guests.push(guest);
    await listen(guest.page);
    return guest;
  };

  beforeAll(async () => {
    server = await Server.start(settings);
  });

  afterEach(async ({ task }) => {
    const failed = task.result?.state === 'fail';
    if (failed) for (const guest of guests) await guest.show(task.name);
    for (const guest of guests) await guest.close();
    for (const cable of cables) await cable.close();
    if (failed) console.error(server?.lastWords());
    const strayed = guests.flatMap((guest) => guest.strayed);
    const complaints = guests.flatMap((guest) => guest.complaints);
    guests = [];
    cables = [];
    expect(strayed, 'requests that left the server').toEqual([]);
    expect(complaints, 'errors of the page').toEqual([]);
  });

  afterAll(async () => {
    await server?.stop();
  });

  return {
    get server() {
      if (server === undefined) throw new Error('the server has not started');
      return server;
    },
    open,
    async cable() {
      if (server === undefined) throw new Error('the server has not started');
      const cable = await Relay.to(server.links.tcpPort);
      cables.push(cable);
      return cable;
    },
    async comeIn(link, wish) {
      const guest = await open(wish);
      await guest.join(link);
      return guest;
    },
  };
}
