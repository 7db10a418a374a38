/** Bytes sent and acknowledged on one link, both counted from its beginning and wrapping at 32 bits. */

/** What the server may have unacknowledged from its presenter. */
export const UNACKNOWLEDGED_BYTES_MAX = 256 * 1024;

export class AckWindow {
  private sentBytes = 0;
  private acknowledged = 0;

  hasRoom(bytes: number): boolean {
    return this.unacknowledged + bytes <= UNACKNOWLEDGED_BYTES_MAX;
  }

  sent(bytes: number): void {
    this.sentBytes = (this.sentBytes + bytes) >>> 0;
  }

  /** False when more was acknowledged than sent: the other end does not count as we do. */
  acknowledge(bytes: number): boolean {
    if ((bytes - this.acknowledged) >>> 0 > this.unacknowledged) return false;
    this.acknowledged = bytes;
    return true;
  }

  private get unacknowledged(): number {
    return (this.sentBytes - this.acknowledged) >>> 0;
  }
}
