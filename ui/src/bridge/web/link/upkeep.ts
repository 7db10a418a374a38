/** Keeps one link alive: signs of life, and acknowledgements of what was taken. */

import type { ClientMessage } from '../../../wire';
import { Heartbeat } from './heartbeat';

/** What was taken is acknowledged after so long, or after so many events: one message for many. */
const ACK_AFTER_MS = 100;
const ACK_AFTER_EVENTS = 64;

type Timer = ReturnType<typeof setTimeout>;

export interface UpkeepParts {
  send(message: ClientMessage): void;
  /** The highest event number that was taken. */
  taken(): number;
  /** The other side is gone. */
  dead(): void;
}

/** From the welcome to the end of one link. */
export class Upkeep {
  private readonly heartbeat: Heartbeat;
  private beatTimer: Timer | undefined;
  private ackTimer: Timer | undefined;
  private unacknowledged = 0;

  constructor(
    beatIntervalMs: number,
    private readonly parts: UpkeepParts,
  ) {
    this.heartbeat = new Heartbeat(performance.now(), beatIntervalMs);
    this.oweAck(1);
    this.beat();
  }

  /** Something was heard, whatever it was. */
  heard(): void {
    this.heartbeat.heard();
  }

  /** So many events were taken. */
  oweAck(events: number): void {
    this.unacknowledged += events;
    if (this.unacknowledged >= ACK_AFTER_EVENTS) this.acknowledge();
    else this.ackTimer ??= setTimeout(() => this.acknowledge(), ACK_AFTER_MS);
  }

  /** Looks now whether a sign of life is due, and whether the other side is gone. */
  beat(): void {
    clearTimeout(this.beatTimer);
    const nowMs = performance.now();
    const pulse = this.heartbeat.wake(nowMs);
    if (pulse === 'dead') return this.parts.dead();
    if (pulse === 'beat') this.parts.send({ type: 'beat', payload: { sent_ms: Math.round(nowMs) } });
    this.beatTimer = setTimeout(() => this.beat(), this.heartbeat.nextWakeMs() - nowMs);
  }

  stop(): void {
    clearTimeout(this.beatTimer);
    clearTimeout(this.ackTimer);
  }

  private acknowledge(): void {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    this.unacknowledged = 0;
    this.parts.send({ type: 'ack', payload: { number: this.parts.taken() } });
  }
}
