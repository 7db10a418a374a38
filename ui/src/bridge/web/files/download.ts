/** Fetching a file: by the browser itself where there is a link, otherwise by ranges with the seat's token. */

import { bridgeText } from '../../../text/bridge';
import type { SharedFile } from '../../../wire';
import { RefusalError } from '../../types';
import { refusalOf } from '../http';
import { Stopped, type Desk } from './transfer';

/** Hands an address to the browser's own downloads, which show progress and go on after an interruption. */
export function saveAs(url: string, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.rel = 'noopener';
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** A blob's address must live until the browser has begun to write it. */
const REVOKE_AFTER_MS = 60_000;

/** One file on its way down, held by the browser as a blob until it is whole. */
export class Download {
  private readonly pieces: Blob[] = [];
  private done = 0;

  constructor(
    private readonly url: string,
    private readonly seatToken: () => string,
    private readonly file: SharedFile,
  ) {}

  /** Fetches what is left, and saves it. */
  async run(desk: Desk): Promise<void> {
    if (this.done < this.file.size_bytes) await this.fetch(desk);
    if (this.done !== this.file.size_bytes) throw new RefusalError('unreachable', bridgeText.unreachable);
    const url = URL.createObjectURL(new Blob(this.pieces));
    saveAs(url, this.file.name);
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
  }

  private async fetch(desk: Desk): Promise<void> {
    const headers = { Authorization: `Bearer ${this.seatToken()}`, Range: `bytes=${this.done}-` };
    const response = await this.reached(desk, fetch(this.url, { headers, signal: desk.signal }));
    if (!response.ok) throw await refusalOf(response);
    if (this.done > 0 && response.status !== 206) throw new Error(bridgeText.fileDamaged);
    const reader = response.body?.getReader();
    while (reader !== undefined) {
      const { value, done } = await this.reached(desk, reader.read());
      if (done) return;
      this.pieces.push(new Blob([value as Uint8Array<ArrayBuffer>]));
      this.done += value.byteLength;
      desk.moved(this.done);
      if (this.done > this.file.size_bytes) throw new Error(bridgeText.fileDamaged);
    }
  }

  /** What fails on the way is the network, unless it was stopped. */
  private async reached<T>(desk: Desk, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch {
      if (desk.signal.aborted) throw new Stopped();
      throw new RefusalError('unreachable', bridgeText.unreachable);
    }
  }
}
