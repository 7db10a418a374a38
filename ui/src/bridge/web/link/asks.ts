/** Commands whose answers have not come. */

import type { Command, Refusal, Reply } from '../../../wire';
import { RefusalError } from '../../types';
import { bridgeText } from '../../../text/bridge';

/** The server keeps so many answers: one that is sent again is then always still known there. */
export const ANSWERS_KEPT = 64;
/** A command must be answered within this, lost links included. */
export const ASK_DEADLINE_MS = 60_000;

interface Ask {
  command: Command;
  untilMs: number;
  done: (reply: Reply) => void;
  refused: (error: RefusalError) => void;
}

/** What goes over the link for a command. */
export interface Doing {
  ref: number;
  command: Command;
}

/** In the order of their references, which rise and are unique in a seat. */
export class Asks {
  private readonly waiting = new Map<number, Ask>();

  /** `nextRef` gives a reference that this seat has never used, larger each time. */
  constructor(private readonly nextRef: () => number) {}

  /** Takes a command and gives what to send, or refuses when too many wait. */
  take(
    command: Command,
    nowMs: number,
    done: (reply: Reply) => void,
    refused: (error: RefusalError) => void,
  ): Doing | undefined {
    if (this.waiting.size >= ANSWERS_KEPT) {
      refused(new RefusalError('too_fast', bridgeText.tooManyCommands));
      return undefined;
    }
    const ref = this.nextRef();
    this.waiting.set(ref, { command, untilMs: nowMs + ASK_DEADLINE_MS, done, refused });
    return { ref, command };
  }

  done(ref: number, reply: Reply): void {
    this.remove(ref)?.done(reply);
  }

  refused(ref: number, refusal: Refusal): void {
    this.remove(ref)?.refused(toError(refusal));
  }

  /** What to send on a new link: everything without an answer, under its old reference. */
  unanswered(nowMs: number): Doing[] {
    this.forgetLate(nowMs);
    return [...this.waiting].map(([ref, { command }]) => ({ ref, command }));
  }

  /** Gives up what has waited for too long. */
  forgetLate(nowMs: number): void {
    for (const [ref, ask] of this.waiting) {
      if (nowMs < ask.untilMs) continue;
      this.remove(ref)?.refused(new RefusalError('timeout', bridgeText.noAnswer));
    }
  }

  /** Nothing will be answered any more. */
  end(): void {
    for (const ref of [...this.waiting.keys()]) {
      this.remove(ref)?.refused(new RefusalError('seat_unknown', bridgeText.meetingOver));
    }
  }

  private remove(ref: number): Ask | undefined {
    const ask = this.waiting.get(ref);
    this.waiting.delete(ref);
    return ask;
  }
}

/** A refusal of the server as what callers catch. */
export function toError(refusal: Refusal): RefusalError {
  return new RefusalError(refusal.code, refusal.message, refusal.retry_after_ms ?? null);
}
