/**
 * A seat in a room as its holder sees it: what happens, commands and their answers, across as many links
 * as it takes.
 */

import { bridgeText } from '../../../text/bridge';
import type {
  AtTheDoor,
  ClientMessage,
  Command,
  Cursor,
  Enter,
  LeaveReason,
  Numbered,
  Pulse,
  RefusalCode,
  Reply,
  ServerMessage,
  Signs,
  Welcome,
} from '../../../wire';
import { RefusalError, type LinkState } from '../../types';
import { Asks, toError } from './asks';
import { Backoff } from './backoff';
import { ControlLink } from './control';
import { Offers } from './offers';
import { RoomClock, type RoomReading } from './room_clock';
import { Upkeep } from './upkeep';

/** From dialling to the welcome. */
const ENTER_DEADLINE_MS = 15_000;
/** After a farewell the server has so long to say its own. */
const LEAVE_DEADLINE_MS = 2_000;
/** What the operator sees of this program. */
const CLIENT = 'conclave-page';

/** Told in this order: perhaps the door, a welcome, `ended` last. */
export interface SessionEvents {
  /** Somebody must let us in; again when our place changes. */
  waiting(door: AtTheDoor): void;
  /** In, at first and after every resume. `isNew`: the server has opened the room anew since. */
  welcome(welcome: Welcome, isNew: boolean): void;
  events(events: Numbered[]): void;
  signs(signs: Signs): void;
  link(link: LinkState): void;
  /** A beat came back. */
  clock(roomClockMs: number, localMs: number, roundTripMs: number): void;
  pulse(pulse: Pulse): void;
  ended(reason: LeaveReason, text: string): void;
}

/** Refusals after which the same resume may be taken a moment later. */
const MAY_PASS: readonly RefusalCode[] = [
  'busy',
  'stopping',
  'internal',
  'timeout',
  'too_fast',
  'too_many_connections',
];

/** After these the seat still waits. */
const MAY_RESUME: readonly LeaveReason[] = ['link_lost', 'too_slow', 'flooding', 'server_stopping'];

type Timer = ReturnType<typeof setTimeout>;

interface Entering {
  done: (welcome: Welcome) => void;
  refused: (error: RefusalError) => void;
}

export class Session {
  private link: ControlLink | undefined;
  private welcomed = false;
  /** While there is a link with a welcome. */
  private upkeep: Upkeep | undefined;
  private retryTimer: Timer | undefined;
  private enterTimer: Timer | undefined;
  private cursor: Cursor | undefined;
  private seatToken = '';
  /** Whoever waits to be let in. */
  private entering: Entering | undefined;
  private atDoor = false;
  private leaving: (() => void) | undefined;
  private over = false;
  private readonly offers = new Offers();
  private readonly backoff = new Backoff();
  private readonly clock = new RoomClock();

  constructor(
    private readonly url: string,
    private readonly asks: Asks,
    private readonly events: SessionEvents,
  ) {}

  /**
   * Takes a seat, or opens one again; nothing is tried a second time, but for who waits at the door.
   * Rejects with `RefusalError`.
   */
  enter(enter: Enter): Promise<Welcome> {
    return new Promise<Welcome>((done, refused) => {
      this.entering = { done, refused };
      this.open(enter);
    });
  }

  /** Steps away from the door, or from a server that does not answer. */
  giveUp(): void {
    this.refuseEntry(new RefusalError('given_up', bridgeText.meetingOver));
  }

  /** The newest token: it authorises HTTP and screen links. */
  get token(): string {
    return this.seatToken;
  }

  ask(command: Command): Promise<Reply> {
    if (this.over) return Promise.reject(new RefusalError('seat_unknown', bridgeText.meetingOver));
    return new Promise((done, refused) => {
      const doing = this.asks.take(command, performance.now(), done, refused);
      if (doing !== undefined && this.welcomed) this.send({ type: 'do', payload: doing });
    });
  }

  /** Offers media and gives the server's answer. */
  offerMedia(sdp: string): Promise<string> {
    if (!this.welcomed) return Promise.reject(new RefusalError('unreachable', bridgeText.unreachable));
    this.send({ type: 'offer_media', payload: { sdp } });
    return this.offers.sent();
  }

  /** Gives the seat up and waits until the server knows, or two seconds. `ended` is told before. */
  async leave(): Promise<void> {
    if (this.over) return;
    const farewell = new Promise<void>((left) => {
      this.leaving = left;
      setTimeout(left, LEAVE_DEADLINE_MS);
    });
    if (this.welcomed) {
      // The answer is the goodbye.
      this.ask({ type: 'leave' }).catch(() => undefined);
      await farewell;
    }
    this.end('left', bridgeText.leaving);
  }

  /** Something says that the network is back: the next attempt is now. */
  hurry(): void {
    if (this.over) return;
    if (this.retryTimer !== undefined) this.retry();
    else this.upkeep?.beat();
  }

  private open(enter: Enter): void {
    this.welcomed = false;
    const hello: ClientMessage = { type: 'hello', payload: { enter, client: CLIENT } };
    const link = new ControlLink(this.url, {
      opened: () => link.send(hello),
      message: (message) => {
        this.upkeep?.heard();
        if (this.welcomed) this.take(message);
        else this.takeAnswer(link, message);
      },
      closed: () => this.closed(),
    });
    this.link = link;
    this.enterTimer = setTimeout(() => link.cut(), ENTER_DEADLINE_MS);
  }

  /** Before the welcome nothing else is said that matters. */
  private takeAnswer(link: ControlLink, message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.enterWith(message.payload);
        break;
      case 'waiting':
        // The server asks by itself whether we are there, and browsers answer.
        clearTimeout(this.enterTimer);
        this.atDoor = true;
        this.backoff.succeeded();
        this.seatToken = message.payload.seat_token;
        this.events.waiting(message.payload);
        break;
      case 'refused': {
        const { refusal } = message.payload;
        const again = (this.atDoor || this.entering === undefined) && MAY_PASS.includes(refusal.code);
        if (again) link.cut();
        else if (this.entering !== undefined) this.refuseEntry(toError(refusal));
        else this.endRefused(refusal.code, refusal.message);
        break;
      }
      case 'goodbye':
        this.farewell(message.payload.reason, message.payload.text);
        break;
      default:
        break;
    }
  }

  private refuseEntry(error: RefusalError): void {
    const { entering } = this;
    if (entering === undefined) return;
    this.entering = undefined;
    this.stop();
    entering.refused(error);
  }

  private enterWith(welcome: Welcome): void {
    clearTimeout(this.enterTimer);
    this.welcomed = true;
    this.backoff.succeeded();
    this.seatToken = welcome.seat_token;
    const isNew = this.cursor !== undefined && this.cursor.epoch !== welcome.cursor.epoch;
    // Without a snapshot the events since our own cursor follow, which is why it stays where it is.
    if (welcome.snapshot !== null || this.cursor === undefined) this.cursor = welcome.cursor;
    this.clock.restart();
    this.atDoor = false;
    this.entering?.done(welcome);
    this.entering = undefined;
    this.events.welcome(welcome, isNew);
    this.events.link({ state: 'up' });
    for (const doing of this.asks.unanswered(performance.now())) {
      this.send({ type: 'do', payload: doing });
    }
    this.upkeep = new Upkeep(welcome.beat_interval_ms, {
      send: (message) => {
        this.asks.forgetLate(performance.now());
        this.send(message);
      },
      taken: () => this.cursor?.number ?? 0,
      dead: () => this.link?.cut(),
    });
  }

  private take(message: ServerMessage): void {
    switch (message.type) {
      case 'events':
        this.takeEvents(message.payload.events);
        break;
      case 'signs':
        this.events.signs(message.payload);
        break;
      case 'done':
        this.asks.done(message.payload.ref, message.payload.reply);
        break;
      case 'refused': {
        const { ref, refusal } = message.payload;
        if (ref !== undefined) this.asks.refused(ref, refusal);
        else this.offers.refused(toError(refusal));
        break;
      }
      case 'beat':
        this.beatReturned(message.payload.sent_ms, message.payload.room_clock_ms);
        if (message.payload.pulse !== undefined) this.events.pulse(message.payload.pulse);
        break;
      case 'media_answer':
        this.offers.answered(message.payload.sdp);
        break;
      case 'goodbye':
        this.farewell(message.payload.reason, message.payload.text);
        break;
      case 'welcome':
      case 'waiting':
      case 'snapshot':
      case 'moved':
        // Reserved, or never said twice: a link that says it is not understood.
        this.link?.cut();
        break;
    }
  }

  private takeEvents(events: Numbered[]): void {
    const cursor = this.cursor;
    if (cursor === undefined) return;
    const news = events.filter((numbered) => numbered.number > cursor.number);
    const last = news[news.length - 1];
    if (last !== undefined) {
      this.cursor = { ...cursor, number: last.number };
      this.events.events(news);
    }
    this.upkeep?.oweAck(events.length);
  }

  /** The room clock at a moment of `performance.now()`; null before the first sign of life. */
  roomReading(localMs: number): RoomReading | null {
    return this.clock.reading(localMs);
  }

  private beatReturned(sentMs: number, roomClockMs: number): void {
    const nowMs = performance.now();
    this.clock.exchanged(sentMs, roomClockMs, nowMs);
    const read = this.clock.read(nowMs);
    if (read !== undefined) this.events.clock(read, nowMs, Math.max(nowMs - sentMs, 0));
  }

  /** Some farewells are for good; after others the seat still waits. */
  private farewell(reason: LeaveReason, text: string): void {
    if (this.leaving === undefined && MAY_RESUME.includes(reason)) return this.link?.cut();
    if (this.entering !== undefined) this.refuseEntry(new RefusalError('room_ended', text));
    else this.end(reason, text);
  }

  private closed(): void {
    this.quiet();
    if (this.over) return;
    if (this.entering !== undefined && !this.atDoor) {
      this.refuseEntry(new RefusalError('unreachable', bridgeText.unreachable));
    } else if (this.leaving !== undefined) {
      this.end('left', bridgeText.leaving);
    } else {
      this.waitAndRetry();
    }
  }

  private waitAndRetry(): void {
    const waitMs = this.backoff.nextWaitMs(Math.random());
    this.retryTimer = setTimeout(() => this.retry(), waitMs);
    this.events.link({
      state: 'lost',
      retryAtMs: performance.now() + waitMs,
      attempt: this.backoff.attempts,
    });
  }

  private retry(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.open({
      type: 'resume',
      payload: { seat_token: this.seatToken, cursor: this.cursor ?? null },
    });
  }

  /** The server does not take us back. */
  private endRefused(code: RefusalCode, text: string): void {
    const reasons: Partial<Record<RefusalCode, LeaveReason>> = {
      kicked: 'kicked',
      taken_over: 'taken_over',
      banned: 'banned',
      room_ended: 'room_ended',
      room_not_found: 'room_ended',
    };
    this.end(reasons[code] ?? 'link_lost', text);
  }

  private end(reason: LeaveReason, text: string): void {
    if (this.over) return;
    this.stop();
    this.asks.end();
    this.events.ended(reason, text);
    this.leaving?.();
  }

  private stop(): void {
    this.over = true;
    this.quiet();
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.link?.close();
  }

  /** The link is gone, with everything that hangs on it. */
  private quiet(): void {
    this.welcomed = false;
    this.upkeep?.stop();
    this.upkeep = undefined;
    clearTimeout(this.enterTimer);
    this.offers.end();
  }

  private send(message: ClientMessage): void {
    this.link?.send(message);
  }
}
