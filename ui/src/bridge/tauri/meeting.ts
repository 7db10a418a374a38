/** A meeting whose client is the program: what is done here is asked there, and what happens is told. */

import type { Command, ParticipantId, Reply, SharedFile } from '../../wire';
import { openPageFilm } from '../film/page';
import type { FilmHandle, FilmStatus, FilmWish } from '../film/types';
import type {
  DeviceKind,
  DevicePort,
  Meeting,
  MeetingEvent,
  ScreenSize,
  TransferHandle,
  WatchedTile,
} from '../types';
import { Watching } from '../web/watching';
import { DesktopFilm } from './film';
import type { Pictures } from './pictures';
import type { Screen } from './screen';
import { asked, type Ask, type Port, type Told } from './words';

/** A file is handed over in pieces of this size. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** The clock is told once a second over two threads and a channel. */
const CLOCK_ERROR_MS = 10;

export interface MeetingParts {
  port: Port;
  pictures: Pictures;
  screen: Screen;
  devices: DevicePort;
  /** What is to be shared when a screen is asked for. */
  chosenScreen(): string | null;
}

export class DesktopMeeting implements Meeting {
  private readonly watching: Watching;
  private readonly stopPictures: () => void;
  private lastTransfer = 0;
  private film: FilmHandle | undefined;
  private clock: Extract<MeetingEvent, { type: 'clock' }> | undefined;

  constructor(
    private readonly parts: MeetingParts,
    private readonly you: ParticipantId,
    private readonly link: string,
  ) {
    const { port } = parts;
    this.watching = new Watching(you, async (command) => {
      if (command.type === 'watch_cameras') await asked(port, command);
      return { type: 'nothing' };
    });
    this.stopPictures = parts.pictures.want();
  }

  ask(command: Command): Promise<Reply> {
    return asked<Reply>(this.parts.port, { type: 'do', payload: { command } });
  }

  setMicrophone(on: boolean): Promise<void> {
    return this.quietly({ type: 'set_microphone', payload: { on } });
  }

  setCamera(on: boolean): Promise<void> {
    return this.quietly({ type: 'set_camera', payload: { on } });
  }

  setSound(on: boolean): Promise<void> {
    return this.quietly({ type: 'set_sound', payload: { on } });
  }

  shareScreen(on: boolean): Promise<void> {
    const screen = on ? this.parts.chosenScreen() : null;
    return this.quietly({ type: 'share_screen', payload: { screen } });
  }

  async chooseDevice(kind: DeviceKind, id: string | null): Promise<void> {
    this.parts.devices.choose(kind, id);
  }

  chooseSending(choice: Parameters<Meeting['chooseSending']>[0]): void {
    void this.quietly({ type: 'choose_sending', payload: { choice } });
  }

  watch(tiles: WatchedTile[]): void {
    this.watching.set(tiles);
  }

  attachCamera(source: ParticipantId, canvas: HTMLCanvasElement): () => void {
    return this.parts.pictures.attach(source === this.you ? 'own' : source, canvas);
  }

  attachScreen(canvas: HTMLCanvasElement, changed: (size: ScreenSize) => void): () => void {
    return this.parts.screen.attach(canvas, changed);
  }

  openFilm(wish: FilmWish, heard: (status: FilmStatus) => void): FilmHandle {
    this.film?.close();
    if (wish.player !== 'page') {
      this.film = new DesktopFilm(this.parts.port, wish, heard);
      return this.film;
    }
    const room = {
      me: this.you,
      ask: (command: Command) => this.ask(command),
      roomReading: (localMs: number) => this.roomReading(localMs),
    };
    this.film = openPageFilm(wish, room, heard);
    return this.film;
  }

  /** The room clock has been read. */
  heardClock(clock: Extract<MeetingEvent, { type: 'clock' }>): void {
    this.clock = clock;
  }

  upload(file: File): TransferHandle {
    const handle = this.handle();
    void this.send(handle.id, file);
    return handle;
  }

  download(file: SharedFile): TransferHandle {
    const handle = this.handle();
    void this.quietly({ type: 'download', payload: { id: handle.id, file } });
    return handle;
  }

  shareLink(file: SharedFile): string | null {
    return file.share_token === null ? null : new URL(`/s/${file.share_token}`, this.link).href;
  }

  joinLink(): string {
    return this.link;
  }

  leave(): Promise<void> {
    return this.quietly({ type: 'leave' });
  }

  /** The program has said that it is over. */
  close(): void {
    this.film?.close();
    this.watching.close();
    this.stopPictures();
    this.parts.screen.clear();
  }

  private roomReading(localMs: number): { roomMs: number; errorMs: number } | null {
    const { clock } = this;
    return clock === undefined ? null : { roomMs: clock.roomClockMs + localMs - clock.localMs, errorMs: CLOCK_ERROR_MS };
  }

  /** What comes of it is told as an event. */
  private quietly(ask: Ask): Promise<void> {
    return asked(this.parts.port, ask).then(
      () => undefined,
      () => undefined,
    );
  }

  private handle(): TransferHandle {
    this.lastTransfer += 1;
    const id = this.lastTransfer;
    return {
      id,
      pause: () => void this.quietly({ type: 'pause', payload: { id, paused: true } }),
      resume: () => void this.quietly({ type: 'pause', payload: { id, paused: false } }),
      cancel: () => void this.quietly({ type: 'cancel', payload: { id } }),
    };
  }

  /** Hands a file over piece by piece; the program shares it when it has all of it. */
  private async send(id: number, file: File): Promise<void> {
    const { port } = this.parts;
    try {
      await asked(port, { type: 'begin_upload', payload: { id, name: file.name, size_bytes: file.size } });
      for (let at = 0; at < file.size; at += PIECE_BYTES) {
        const piece = file.slice(at, at + PIECE_BYTES);
        await port.piece(id, new Uint8Array(await piece.arrayBuffer()));
      }
      await asked(port, { type: 'send_upload', payload: { id } });
    } catch {
      // The program has told why; a file that can no longer be read is given up.
      await this.quietly({ type: 'cancel', payload: { id } });
    }
  }
}

/** What a meeting hears of what is told; null for what is of no meeting. */
export function meetingEvent(told: Told, nowMs: number): MeetingEvent | null {
  switch (told.type) {
    case 'link':
      return told.link.state === 'up'
        ? { type: 'link', link: told.link }
        : { type: 'link', link: { state: 'lost', retryAtMs: nowMs + told.link.retryInMs, attempt: told.link.attempt } };
    case 'clock':
      return { type: 'clock', roomClockMs: told.roomClockMs, localMs: nowMs };
    case 'opened':
    case 'servers':
    case 'devices':
    case 'settings':
    case 'note':
    case 'film':
    case 'level':
      return null;
    default:
      return told;
  }
}
