/** A meeting in a browser: the seat, and everything that hangs on it. */

import type { Command, Floor, Hint, Numbered, ParticipantId, Reply, SharedFile, Signs, Welcome } from '../../wire';
import { openPageFilm } from '../film/page';
import type {
  DeviceKind,
  FilmHandle,
  FilmStatus,
  FilmWish,
  JoinWish,
  Meeting,
  MeetingEvent,
  ScreenSize,
  TransferHandle,
  WatchedTile,
} from '../types';
import { CameraDown } from './camera/down';
import { CameraUp } from './camera/up';
import { drawStream } from './devices';
import { Files } from './files/files';
import { serverBase } from './http';
import { socketUrl } from './link/control';
import type { SeatNote } from './link/seat';
import type { Session, SessionEvents } from './link/session';
import { Measuring } from './media/measuring';
import { OurMedia } from './media/ours';
import { MediaPath } from './media/path';
import { Kind, parseChannelMessage } from './protocol/datagram';
import type { ScreenAccess } from './screen/link';
import { Presenting } from './screen/presenting';
import { ScreenPicture, ScreenView } from './screen/view';
import { Watching } from './watching';

const NOBODY: Floor = { presenter: null, queue: [], hands: [] };

export class WebMeeting implements Meeting {
  private readonly you: ParticipantId;
  private readonly base: string;
  private readonly path: MediaPath;
  private readonly ours: OurMedia;
  private readonly measuring: Measuring;
  private readonly cameras: CameraDown;
  private readonly presenting: Presenting;
  private readonly watching: Watching;
  private readonly files: Files;
  private readonly picture = new ScreenPicture();
  private cameraUp: CameraUp | undefined;
  private ourPicture: MediaStream | undefined;
  /** Canvases that show our own camera, each with how to stop. */
  private readonly mirrors = new Map<HTMLCanvasElement, (() => void) | undefined>();
  private view: ScreenView | undefined;
  /** Volumes of people, for us only: a room that is opened anew has forgotten them. */
  private readonly volumes = new Map<ParticipantId, Command>();
  private quality: Command | undefined;
  private hint: Hint | null = null;
  /** Quiet company: our camera shows how we sit there, and no more. */
  private quiet = false;
  private film: FilmHandle | undefined;
  private over = false;

  constructor(
    private readonly wish: JoinWish,
    welcome: Welcome,
    private readonly session: Session,
    private readonly note: SeatNote,
    private readonly listener: (event: MeetingEvent) => void,
  ) {
    const heard = (event: MeetingEvent): void => this.heard(event);
    this.you = welcome.you;
    this.base = serverBase(wish.link.server);
    this.path = new MediaPath((sdp) => session.offerMedia(sdp), {
      sound: (stream) => this.ours.speaker.play(stream),
      message: (message) => this.channelMessage(message),
    });
    this.ours = new OurMedia(wish.sound, (command) => session.ask(command), {
      voice: (track) => void this.path.speak(track),
      picture: (stream) => this.pictureChanged(stream),
      changed: (media) => heard({ type: 'media', media }),
    });
    this.cameras = new CameraDown((message) => this.path.send(message));
    this.measuring = new Measuring({
      send: (message) => this.path.send(message),
      connection: () => this.path.connection,
      cameras: () => this.cameras.takeInterval(),
      figures: (figures) => heard({ type: 'quality', figures: { ...figures, hint: this.hint } }),
    });
    this.presenting = new Presenting(
      {
        you: this.you,
        ask: (command) => session.ask(command),
        access: () => this.screenAccess(),
        state: (screen) => this.ours.change({ screen }),
      },
      NOBODY,
    );
    this.watching = new Watching(this.you, (command) => session.ask(command));
    const seatToken = (): string => session.token;
    this.files = new Files({ base: this.base, slug: wish.link.slug, seatToken }, (transfer) =>
      heard({ type: 'transfer', transfer }),
    );
    this.takeWelcome(welcome, false);
  }

  /** What the seat hears from its second welcome on; the first one made this meeting. */
  readonly events: Omit<SessionEvents, 'waiting'> = {
    welcome: (welcome, isNew) => {
      this.heard({ type: 'welcome', welcome });
      this.takeWelcome(welcome, isNew);
    },
    events: (events) => {
      this.heard({ type: 'events', events });
      for (const numbered of events) this.happened(numbered);
    },
    signs: (signs) => {
      this.heard({ type: 'signs', signs });
      this.signs(signs);
    },
    link: (link) => this.heard({ type: 'link', link }),
    clock: (roomClockMs, localMs) => this.heard({ type: 'clock', roomClockMs, localMs }),
    pulse: (pulse) => this.heard({ type: 'pulse', pulse }),
    ended: (reason, text) => {
      this.close();
      this.note.forget();
      this.heard({ type: 'ended', reason, text });
      this.over = true;
    },
  };

  /** Switches on what was wished for. */
  begin(welcome: Welcome): void {
    const muted = welcome.snapshot?.settings.muted_on_entry === true;
    if (this.wish.microphone && !muted) void this.setMicrophone(true);
    if (this.wish.camera) void this.setCamera(true);
  }

  async ask(command: Command): Promise<Reply> {
    const reply = await this.session.ask(command);
    if (command.type === 'set_volume') this.volumes.set(command.payload.of, command);
    if (command.type === 'choose_quality') this.quality = command;
    if (command.type === 'rename') this.note.change({ name: command.payload.name });
    return reply;
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.note.change({ microphone: on });
    await this.ours.setMicrophone(on);
  }

  async setCamera(on: boolean): Promise<void> {
    this.note.change({ camera: on });
    await this.ours.setCamera(on);
  }

  async setSound(on: boolean): Promise<void> {
    this.note.change({ sound: on });
    await this.ours.setSound(on);
  }

  shareScreen(on: boolean): Promise<void> {
    return on ? this.presenting.start() : this.presenting.stop();
  }

  chooseDevice(kind: DeviceKind, id: string | null): Promise<void> {
    return this.ours.chooseDevice(kind, id);
  }

  chooseSending(choice: Parameters<Meeting['chooseSending']>[0]): void {
    this.ours.change({ send: choice });
    this.cameraUp?.choose(choice);
  }

  watch(tiles: WatchedTile[]): void {
    this.cameras.keepOnly(new Set(tiles.map(({ source }) => source)));
    this.watching.set(tiles);
  }

  attachCamera(source: ParticipantId, canvas: HTMLCanvasElement): () => void {
    if (source !== this.you) return this.cameras.attach(source, canvas);
    this.mirrors.set(canvas, this.ourPicture && drawStream(this.ourPicture, canvas));
    return () => {
      this.mirrors.get(canvas)?.();
      this.mirrors.delete(canvas);
    };
  }

  attachScreen(canvas: HTMLCanvasElement, changed: (size: ScreenSize) => void): () => void {
    return this.picture.attach(canvas, changed);
  }

  openFilm(wish: FilmWish, heard: (status: FilmStatus) => void): FilmHandle {
    this.film?.close();
    const { session, you } = this;
    const room = {
      me: you,
      ask: (command: Command) => session.ask(command),
      roomReading: (localMs: number) => session.roomReading(localMs),
    };
    this.film = openPageFilm(wish, room, heard);
    return this.film;
  }

  upload(file: File): TransferHandle {
    return this.files.upload(file);
  }

  download(file: SharedFile): TransferHandle {
    return this.files.download(file);
  }

  shareLink(file: SharedFile): string | null {
    return this.files.shareLink(file);
  }

  joinLink(): string {
    const { slug, fingerprint } = this.wish.link;
    const link = new URL(`/r/${slug}`, this.base);
    if (fingerprint !== null) link.hash = `k=${fingerprint}`;
    return link.href;
  }

  leave(): Promise<void> {
    return this.session.leave();
  }

  /** Nothing is heard after the end, whatever was still being measured. */
  private heard(event: MeetingEvent): void {
    if (!this.over) this.listener(event);
  }

  private takeWelcome(welcome: Welcome, isNew: boolean): void {
    const { snapshot } = welcome;
    if (snapshot !== null) {
      this.floorChanged(snapshot.floor);
      this.keepQuiet(snapshot.settings.quiet_company);
    }
    const member = snapshot?.members.find(({ id }) => id === this.you);
    if (member !== undefined) {
      if (isNew) this.ours.forgotten(member.media);
      else this.ours.heard(member.media);
    }
    if (isNew) this.tellAgain();
    this.watching.renew();
    this.presenting.renew();
    this.path.renew();
  }

  /** What a room that was opened anew has forgotten. */
  private tellAgain(): void {
    for (const command of [...this.volumes.values(), this.quality]) {
      // Whoever is gone needs no volume.
      if (command !== undefined) this.session.ask(command).catch(() => undefined);
    }
  }

  private happened({ event }: Numbered): void {
    switch (event.type) {
      case 'media_changed':
        if (event.payload.id === this.you) this.ours.heard(event.payload.media);
        break;
      case 'floor_changed':
        this.floorChanged(event.payload.floor);
        break;
      case 'settings_changed':
        this.keepQuiet(event.payload.settings.quiet_company);
        break;
      case 'file_shared':
        if (event.payload.file.owner === this.you) this.files.shared(event.payload.file);
        break;
      case 'participant_left':
        this.volumes.delete(event.payload.id);
        break;
      default:
        break;
    }
  }

  private signs({ publish_layers: layers, hint }: Signs): void {
    this.hint = hint ?? this.hint;
    if (layers === undefined) return;
    this.ours.change({ publishing: layers });
    this.cameraUp?.watched(layers);
  }

  private keepQuiet(quiet: boolean): void {
    this.quiet = quiet;
    this.cameraUp?.keepQuiet(quiet);
  }

  private floorChanged(floor: Floor): void {
    this.presenting.floorChanged(floor);
    const somebody = floor.presenter !== null && floor.presenter !== this.you;
    if (somebody && this.view === undefined) {
      this.heard({ type: 'screen', screen: { state: 'waiting' } });
      this.view = new ScreenView(() => this.screenAccess(), this.picture, {
        shown: (size) => this.screenShown(size),
        ended: () => this.closeView(),
      });
    } else if (!somebody) {
      this.closeView();
    }
  }

  private screenShown(size: ScreenSize | undefined): void {
    const screen = size === undefined ? ({ state: 'waiting' } as const) : ({ state: 'shown', ...size } as const);
    this.heard({ type: 'screen', screen });
  }

  private closeView(): void {
    if (this.view === undefined) return;
    this.view.close();
    this.view = undefined;
    this.picture.clear();
    this.heard({ type: 'screen', screen: { state: 'none' } });
  }

  private screenAccess(): ScreenAccess {
    const url = socketUrl('/screen', this.base);
    return { url, slug: this.wish.link.slug, seatToken: this.session.token };
  }

  private pictureChanged(stream: MediaStream | undefined): void {
    this.cameraUp?.close();
    this.ourPicture = stream;
    for (const [canvas, stop] of this.mirrors) {
      stop?.();
      this.mirrors.set(canvas, stream && drawStream(stream, canvas));
    }
    this.cameraUp = stream && new CameraUp(stream, (message) => this.path.send(message));
    this.cameraUp?.choose(this.ours.now.send);
    this.cameraUp?.keepQuiet(this.quiet);
    this.cameraUp?.watched(this.ours.now.publishing);
  }

  private channelMessage(bytes: Uint8Array): void {
    const message = parseChannelMessage(bytes);
    switch (message?.kind) {
      case Kind.camera:
        this.cameras.take(message.fragment);
        break;
      case Kind.reRequest:
        this.cameraUp?.answer(message.request);
        break;
      case Kind.echo:
        this.measuring.echoed(message.probe);
        break;
      default:
        break;
    }
  }

  private close(): void {
    this.film?.close();
    this.measuring.close();
    this.presenting.close();
    this.closeView();
    this.files.close();
    this.watching.close();
    this.path.close();
    this.ours.close();
    this.cameraUp?.close();
    this.cameras.close();
    for (const stop of this.mirrors.values()) stop?.();
    this.mirrors.clear();
  }
}
