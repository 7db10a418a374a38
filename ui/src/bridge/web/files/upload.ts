/** Sending a file by tus 1.0, in pieces, with the hash of the whole at the end. */

import { bridgeText } from '../../../text/bridge';
import { RefusalError } from '../../types';
import type { Hashing } from './hash';
import { send, type Answer } from './request';
import { Stopped, type Desk } from './transfer';
import type { UploadNote } from './upload_note';

/** Sent before the server has said that it has what came before: what a failure can cost. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** The last piece goes by itself, with the hash of the whole, which is known only then. */
const TAIL_BYTES = 64 * 1024;
const TUS = { 'Tus-Resumable': '1.0.0' } as const;

export interface UploadTo {
  base: string;
  slug: string;
  seatToken: () => string;
}

/** One file on its way up. */
export class Upload {
  private location: string | null;

  constructor(
    private readonly to: UploadTo,
    private readonly file: File,
    private readonly note: UploadNote,
    private readonly hash: () => Hashing,
  ) {
    this.location = note.read();
  }

  /** Sends what is left. */
  async run(desk: Desk): Promise<void> {
    try {
      await this.goOn(desk);
      this.note.remove();
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      // It expired, or the server has forgotten it: from the start. Or it stands elsewhere: look again.
      if (error.code === 'upload_gone' && this.location !== null) this.forget();
      else if (error.code !== 'offset_mismatch') throw error;
      throw new RefusalError('unreachable', error.message);
    }
  }

  /** The sender has given up: the server need not keep what it has. */
  abandon(): void {
    const { location } = this;
    this.forget();
    if (location === null) return;
    const never = new AbortController().signal;
    // If it is not heard the upload expires by itself.
    send({ method: 'DELETE', url: location, headers: TUS }, never).catch(() => undefined);
  }

  private async goOn(desk: Desk): Promise<void> {
    const { size } = this.file;
    let offset = await this.begin(desk);
    desk.moved(offset);
    if (size === 0) return;
    const tail = Math.max(size - TAIL_BYTES, offset);
    while (offset < tail) {
      const end = Math.min(offset + PIECE_BYTES, tail);
      await this.append(desk, offset, end, undefined);
      offset = end;
    }
    const sha256 = await this.wholeHash(desk);
    await this.append(desk, offset, size, sha256);
  }

  /** Begins an upload or finds the one that was begun; gives where to go on. */
  private async begin(desk: Desk): Promise<number> {
    if (this.location !== null) {
      const answer = await this.ask(desk, { method: 'HEAD', url: this.location, headers: TUS });
      return Number(answer.header('Upload-Offset') ?? 0);
    }
    const answer = await this.ask(desk, {
      method: 'POST',
      url: new URL(`/api/rooms/${this.to.slug}/files`, this.to.base).href,
      headers: {
        ...TUS,
        'Upload-Length': String(this.file.size),
        'Upload-Metadata': `filename ${base64(this.file.name)}`,
        Authorization: `Bearer ${this.to.seatToken()}`,
      },
    });
    const location = answer.header('Location');
    if (location === null) throw new RefusalError('internal', bridgeText.unreachable);
    this.location = new URL(location, this.to.base).href;
    this.note.write(this.location);
    return 0;
  }

  private async append(desk: Desk, from: number, to: number, sha256: string | undefined): Promise<void> {
    if (this.location === null) return;
    await this.readable(from, to);
    await this.ask(desk, {
      method: 'PATCH',
      url: this.location,
      headers: {
        ...TUS,
        'Upload-Offset': String(from),
        'Content-Type': 'application/offset+octet-stream',
        ...(sha256 === undefined ? {} : { 'Conclave-Sha256': sha256 }),
      },
      body: this.file.slice(from, to),
      moved: (bytes) => desk.moved(from + Math.min(bytes, to - from)),
    });
  }

  /** A file that was changed or unplugged fails here, and not as if the network had. */
  private async readable(from: number, to: number): Promise<void> {
    try {
      await this.file.slice(from, Math.min(from + 1, to)).arrayBuffer();
    } catch {
      throw new Error(bridgeText.fileUnreadable);
    }
  }

  private async wholeHash(desk: Desk): Promise<string | undefined> {
    const hashing = this.hash();
    const late = setTimeout(() => desk.set({ state: 'hashing' }), 0);
    const sha256 = await hashing.sha256;
    clearTimeout(late);
    if (desk.signal.aborted) throw new Stopped();
    return sha256;
  }

  private async ask(desk: Desk, asking: Parameters<typeof send>[0]): Promise<Answer> {
    if (desk.signal.aborted) throw new Stopped();
    return send(asking, desk.signal);
  }

  private forget(): void {
    this.location = null;
    this.note.remove();
  }
}

/** Of UTF-8, as tus has its metadata. */
export function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
