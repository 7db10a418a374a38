/** The files of one meeting: what goes up and down now, and links to what is there. */

import type { SharedFile } from '../../../wire';
import type { Transfer, TransferHandle } from '../../types';
import { sessionStore } from '../link/seat';
import { Download, saveAs } from './download';
import { startHashing, type Hashing } from './hash';
import { Desk } from './transfer';
import { Upload, type UploadTo } from './upload';
import { UploadNote } from './upload_note';

/** Uploads under way at the same time; the others wait. The server takes as many of one seat. */
const UPLOADS_MAX = 2;

interface Sending {
  desk: Desk;
  name: string;
  sizeBytes: number;
}

export class Files {
  private nextId = 1;
  private readonly desks: Desk[] = [];
  /** Uploads that are not known to be shared, and those that wait for their turn. */
  private sending: Sending[] = [];

  constructor(
    private readonly to: UploadTo,
    private readonly tell: (transfer: Transfer) => void,
  ) {}

  upload(file: File): TransferHandle {
    const { to } = this;
    const note = new UploadNote(sessionStore(), to.slug, file);
    let hashing: Hashing | undefined;
    const hash = (): Hashing => (hashing ??= startHashing(file));
    const upload = new Upload(to, file, note, hash);
    const desk: Desk = new Desk(
      { id: this.takeId(), direction: 'up', name: file.name, sizeBytes: file.size, file: null },
      (transfer) => this.told(desk, transfer),
      async () => {
        // The hash of a large file takes a while; it is needed only at the end.
        hash();
        await upload.run(desk);
      },
      () => {
        hashing?.stop();
        upload.abandon();
      },
    );
    this.desks.push(desk);
    this.sending.push({ desk, name: file.name, sizeBytes: file.size });
    this.startNext();
    return desk.handle;
  }

  download(file: SharedFile): TransferHandle {
    const link = this.shareLink(file);
    const url = new URL(`/api/rooms/${this.to.slug}/files/${file.id}`, this.to.base).href;
    const download = new Download(url, this.to.seatToken, file);
    const desk = new Desk(
      { id: this.takeId(), direction: 'down', name: file.name, sizeBytes: file.size_bytes, file: file.id },
      this.tell,
      async (own) => {
        if (link === null) await download.run(own);
        else saveAs(link, file.name);
      },
      () => undefined,
    );
    this.desks.push(desk);
    desk.start();
    return desk.handle;
  }

  shareLink(file: SharedFile): string | null {
    return file.share_token === null ? null : new URL(`/s/${file.share_token}`, this.to.base).href;
  }

  /** A file of ours was shared with the room. */
  shared(file: SharedFile): void {
    const at = this.sending.findIndex(
      ({ name, sizeBytes }) => name === file.name && sizeBytes === file.size_bytes,
    );
    const [sent] = at < 0 ? [] : this.sending.splice(at, 1);
    sent?.desk.known(file.id);
    this.startNext();
  }

  /** The meeting is over: what is under way stops, and can be taken up again by whoever comes back. */
  close(): void {
    for (const desk of this.desks) desk.handle.pause();
  }

  private told(desk: Desk, transfer: Transfer): void {
    this.tell(transfer);
    const { state } = transfer.state;
    if (state === 'failed' || state === 'cancelled') {
      this.sending = this.sending.filter((sending) => sending.desk !== desk);
    }
    if (desk.isOver) this.startNext();
  }

  private startNext(): void {
    const open = this.sending.filter(({ desk }) => !desk.isOver);
    for (const { desk } of open.slice(0, UPLOADS_MAX)) desk.start();
  }

  private takeId(): number {
    this.nextId += 1;
    return this.nextId - 1;
  }
}
