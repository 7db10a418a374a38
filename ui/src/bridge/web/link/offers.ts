/** Offers of media that are not answered. Answers come in the order of the offers. */

import { bridgeText } from '../../../text/bridge';
import type { RefusalCode } from '../../../wire';
import { RefusalError } from '../../types';

/** An offer is answered within this, or the link is of no use for media. */
const DEADLINE_MS = 10_000;

/** Nothing else is refused with these. */
const REFUSALS: readonly RefusalCode[] = [
  'offer_invalid',
  'offer_too_large',
  'offers_too_fast',
  'guests_full',
  'media_busy',
];

interface Pending {
  answered: (sdp: string) => void;
  failed: (error: RefusalError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Offers {
  private pending: Pending[] = [];

  /** An offer was sent; gives its answer. */
  sent(): Promise<string> {
    return new Promise((answered, failed) => {
      // It stays in the queue, so that the answers to those behind it find theirs.
      const timer = setTimeout(() => failed(new RefusalError('timeout', bridgeText.noAnswer)), DEADLINE_MS);
      this.pending.push({ answered, failed, timer });
    });
  }

  answered(sdp: string): void {
    this.next()?.answered(sdp);
  }

  /** A refusal without a reference came: whether it was of an offer is known by its code. */
  refused(error: RefusalError): void {
    if (REFUSALS.some((code) => code === error.code)) this.next()?.failed(error);
  }

  /** The link is gone: nothing is answered any more. */
  end(): void {
    for (let offer = this.next(); offer !== undefined; offer = this.next()) {
      offer.failed(new RefusalError('unreachable', bridgeText.unreachable));
    }
  }

  private next(): Pending | undefined {
    const offer = this.pending.shift();
    clearTimeout(offer?.timer);
    return offer;
  }
}
