/**
 * The one contract between the views and whatever carries a meeting: a browser's own means
 * (`bridge/web`), the desktop program (`bridge/tauri`), or nothing at all (`bridge/fake`).
 *
 * Views import from `#bridge` and from here, never from an implementation.
 */

import type {
  AtTheDoor,
  Command,
  CreateRoom,
  Cursor,
  Hint,
  Layer,
  LeaveReason,
  MediaState,
  Numbered,
  ParticipantId,
  Pulse,
  QualityChoice,
  RefusalCode,
  Reply,
  RoomCreated,
  RoomLook,
  RoomState,
  ServerInfo,
  SharedFile,
  Signs,
  Template,
  Welcome,
} from '../wire';
import type { OwnStudy } from '../model/own_study';
import type { FilmHandle, FilmPort, FilmStatus, FilmWish } from './film/types';
import type { ReportPort } from './report';

export type * from './film/types';
export type * from './report';

/** What an implementation exports as `bridge`. */
export interface Bridge {
  readonly can: Capabilities;

  /** Rejects with {@link RefusalError}, as all of these do. */
  serverInfo(): Promise<ServerInfo>;
  /** Refused with `listing_forbidden` where the operator does not show the list. */
  listRooms(): Promise<RoomLook[]>;
  lookAtRoom(link: RoomLink): Promise<RoomLook>;
  createRoom(wish: CreateRoom): Promise<RoomCreated>;
  /** The built-in ones, and behind them those that were saved, by name. */
  listTemplates(): Promise<Template[]>;

  readonly devices: DevicePort;

  /** Players and files of films. */
  readonly film: FilmPort;

  /** What came of meetings. */
  readonly reports: ReportPort;

  /**
   * Takes a seat. `heard` is told everything from then on: `waiting` as long as the host has not let us
   * in, then the welcome; the promise is kept with it. `giveUp` steps away from the door or out of a
   * room that does not answer; the promise is then rejected with the code `given_up`.
   */
  join(wish: JoinWish, heard: (event: MeetingEvent) => void, giveUp?: AbortSignal): Promise<Meeting>;

  /**
   * Not null when this tab sits in that meeting and its page was loaded again: join with the wish at once,
   * and the seat is ours again.
   */
  returning(link: RoomLink): JoinWish | null;

  /** What only a program on this machine has; null in a page. */
  readonly desktop: Desktop | null;

  /** A note of the system, shown when the window is not in front. Does nothing without permission. */
  notify(note: { title: string; body: string; tag: string }): void;
  /** Asks the person, once, whether notes may be shown. */
  allowNotes(): Promise<boolean>;
}

/** A room as a link names it: `/r/SLUG#k=…&h=HOST_KEY&a=…`. */
export interface RoomLink {
  slug: string;
  /** Makes the newcomer host. */
  hostKey: string | null;
  /** `host:port` of the server; null for the server that this page came from. */
  server: string | null;
  /** What the link pins the server's key to; a browser cannot check it. */
  fingerprint: string | null;
  /** What proves that one has the room's whole link, and is no stranger to the server. */
  invite?: string | null;
}

// ---- what only a program on this machine has

export interface Desktop {
  version(): Promise<string>;
  /** Reads a whole link of any server, or a room's code on the server in use. Rejects with {@link RefusalError}. */
  readLink(text: string): Promise<RoomLink>;

  /** Servers that this program has been at; `current` is the one whose rooms are listed. */
  servers(): Promise<{ servers: KnownServer[]; current: string | null }>;
  /** Looks for servers on the network until the returned function is called. */
  find(found: (servers: FoundServer[]) => void): () => void;
  /** The person has compared the key. Rejects with {@link RefusalError} when the server has another one. */
  trust(server: KnownServer): Promise<void>;
  use(server: string): Promise<void>;
  /** Its key, and its rooms that were visited. */
  forget(server: string): Promise<void>;

  /** Newest first. */
  recent(): Promise<RecentRoom[]>;
  forgetRecent(link: RoomLink): Promise<void>;
  /** Links that are opened outside of the window, as they are; the one that began the program comes first. */
  onLink(opened: (link: string) => void): () => void;

  onNote(heard: (note: DeviceNote) => void): () => void;
  /** Hears why what is set here is not on the disk, in a sentence; null when it is there again. */
  onSettingsTrouble(heard: (said: string | null) => void): () => void;
  /** Rejects with {@link DeviceError} where nothing can be captured. */
  screens(): Promise<ScreenOffer[]>;
  /** What is shown when `shareScreen` is called next. */
  chooseScreen(id: string): void;

  /** Shows a file that this transfer has fetched where the system shows folders. Rejects with {@link RefusalError}. */
  showFile(transfer: number): Promise<void>;
  /** Drags it out of the window; resolves when it was let go. Rejects with {@link RefusalError}. */
  dragFile(transfer: number): Promise<void>;

  settings(): Promise<DesktopSettings>;
  /** Rejects with {@link RefusalError} when a key cannot be had. */
  keep(settings: Omit<DesktopSettings, 'enhancement'>): Promise<void>;
  enhance(enhancement: Enhancement): Promise<void>;

  /** What was kept of our own studies, as it stands in the file; null when nothing was. */
  ownStudy(): Promise<unknown>;
  keepStudy(study: OwnStudy): Promise<void>;
}

export interface KnownServer {
  /** `host:port`, several with commas between. */
  server: string;
  fingerprint: string;
  name: string;
}

/** A server that tells the network of itself; anybody can tell the same. */
export interface FoundServer extends KnownServer {
  known: boolean;
  /** It says another key than it had before. */
  keyChanged: boolean;
}

export interface RecentRoom {
  link: RoomLink;
  title: string;
}

/** A display or a window. */
export interface ScreenOffer {
  id: string;
  name: string;
  isWindow: boolean;
  widthPx: number;
  heightPx: number;
}

/** What happened to a device while it was in use. */
export type DeviceNote =
  | { type: 'appeared'; device: { kind: DeviceKind; id: string; name: string } }
  | { type: 'fell_back'; kind: DeviceKind; lost: string; instead: string | null }
  | { type: 'returned'; name: string }
  | { type: 'failing'; kind: DeviceKind; text: string }
  | { type: 'working'; name: string };

export type Strength = 'off' | 'normal' | 'strong';

/** What is done to the microphone's sound. */
export interface Enhancement {
  echo: Strength;
  noise: Strength;
  levelling: Strength;
}

export interface DesktopSettings {
  /** Ask for each file where it goes. */
  askWhere: boolean;
  /** Begin in the tray. */
  startHidden: boolean;
  /** Keys that work in front of other windows, like `Ctrl+Alt+M`; empty for none. */
  keys: { talk: string; mute: string };
  enhancement: Enhancement;
}

// ---- what this host can do

/** Why something cannot be done here; `text/en.ts` has the sentence for each. */
export type Lack =
  | 'insecure_page'
  | 'browser_too_old'
  | 'not_in_browsers'
  | 'not_on_this_device'
  | 'not_in_this_program';

/** `true`, or why not. Compare with `=== true`: a lack is a non-empty text. */
export type Ability = true | Lack;

export interface Capabilities {
  /** Voice and cameras at all. */
  readonly webrtc: Ability;
  /** Fast decoding and encoding of pictures; without it they take the slower way. */
  readonly webcodecs: Ability;
  readonly camera: Ability;
  readonly microphone: Ability;
  readonly screenShare: Ability;
  /** Choosing where sound comes out. */
  readonly chooseSpeaker: Ability;
  readonly notifications: Ability;
  /** Push-to-talk while another window is in front. */
  readonly globalPushToTalk: Ability;
  readonly dragOut: Ability;
}

// ---- devices

export type DeviceKind = 'microphone' | 'camera' | 'speaker';

export interface Device {
  kind: DeviceKind;
  id: string;
  /** Empty until the person has allowed the use of devices of this kind. */
  label: string;
}

/** Why a microphone, camera or screen is not on though it was asked for. */
export type MediaFailure =
  | 'refused'
  | 'none'
  | 'busy'
  | 'unplugged'
  | 'cancelled'
  | 'unsupported'
  | 'muted_by_host'
  | 'failed';

/** Rejection of what opens a device. */
export class DeviceError extends Error {
  constructor(
    readonly why: MediaFailure,
    /** What the program says of it, in a sentence; a browser says nothing. */
    readonly said: string | null = null,
  ) {
    super(why);
    this.name = 'DeviceError';
  }
}

export interface DevicePort {
  list(): Promise<Device[]>;
  /** Calls back when something was plugged in or out; returns how to stop. */
  onChange(changed: () => void): () => void;
  /** What was chosen last; null is the system's choice. Kept between visits. */
  chosen(kind: DeviceKind): string | null;
  choose(kind: DeviceKind, id: string | null): void;
  /** What the program says of a kind that does not work, as of the last `list()`; a browser says nothing. */
  failing(kind: DeviceKind): string | null;
  /** Draws the camera into the canvas until closed. Rejects with {@link DeviceError}. */
  openPreview(camera: string | null, canvas: HTMLCanvasElement): Promise<Preview>;
  /** Calls back about 15 times a second. Rejects with {@link DeviceError}. */
  openMeter(microphone: string | null, level: (level: Level) => void): Promise<Preview>;
  /**
   * Records the microphone for `ms` and plays it back on `speaker`. Resolves when it has been
   * played. Rejects with {@link DeviceError}.
   */
  echoBack(
    choice: { microphone: string | null; speaker: string | null },
    ms: number,
    phase: (phase: 'recording' | 'playing') => void,
  ): Promise<void>;
  /** Plays a short tone on a speaker. */
  playTone(speaker: string | null): Promise<void>;
}

export interface Preview {
  close(): void;
}

/** 0 is silence, 1 is as loud as it goes; even to the ear, ready for a meter. */
export type Level = number;

// ---- coming in

export interface JoinWish {
  link: RoomLink;
  name: string;
  password: string | null;
  /** False for a second screen in the same room. */
  sound: boolean;
  /** SHA-256 of our copy, for a room that lets in only who has its film. */
  fileHash?: string | null;
  /** Switched on as soon as possible after the welcome, where the room allows it. */
  microphone: boolean;
  camera: boolean;
}

/** The server, or the bridge in its name, says no. */
export class RefusalError extends Error {
  constructor(
    /**
     * The last four are the bridge's own: no server answered, a wrong one did, the person had enough, or the
     * server cannot be understood.
     */
    readonly code: RefusalCode | 'unreachable' | 'untrusted' | 'given_up' | 'other_version',
    /** A sentence for a person. */
    message: string,
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
    this.name = 'RefusalError';
  }
}

// ---- what is heard from a meeting

export type MeetingEvent =
  /** Only before the welcome, again when our place changes. */
  | { type: 'waiting'; door: AtTheDoor }
  | { type: 'welcome'; welcome: Welcome }
  | { type: 'events'; events: Numbered[] }
  /** Too much was missed to be told one by one: the room as it is. Events up to the cursor are in it. */
  | { type: 'snapshot'; cursor: Cursor; state: RoomState }
  | { type: 'signs'; signs: Signs }
  | { type: 'link'; link: LinkState }
  /** The room clock, with the local clock (`performance.now()`) of the moment it was read. */
  | { type: 'clock'; roomClockMs: number; localMs: number }
  /** How the shared clock and the film stand, said again. */
  | { type: 'pulse'; pulse: Pulse }
  | { type: 'media'; media: LocalMedia }
  | { type: 'quality'; figures: LinkFigures }
  | { type: 'screen'; screen: ScreenState }
  | { type: 'transfer'; transfer: Transfer }
  /** The last one: nothing comes after it, and the meeting is of no more use. */
  | { type: 'ended'; reason: LeaveReason | 'unreachable'; text: string };

/** `retryAtMs` is on the local clock, `performance.now()`. */
export type LinkState = { state: 'up' } | { state: 'lost'; retryAtMs: number; attempt: number };

/** A device of ours. */
export type LocalDevice =
  | { state: 'off' }
  /** Asked for: the person has perhaps to allow it. */
  | { state: 'starting' }
  | {
      state: 'on';
      device: string | null;
      label: string;
      /** Why nothing comes of it now, in a sentence of the program; it is tried again. */
      failing?: string;
    }
  | {
      state: 'failed';
      why: MediaFailure;
      /** What the program says of it, in a sentence; a browser says nothing. */
      said?: string;
    };

/** All of what is ours; sent whole when something of it changes, levels at most 15 times a second. */
export interface LocalMedia {
  microphone: LocalDevice;
  camera: LocalDevice;
  screen: LocalDevice;
  /** Whether we hear the meeting. */
  sound: boolean;
  level: Level;
  /** The microphone is off in the meeting, and the person talks. */
  talkingWhileMuted: boolean;
  /** The browser plays sound only after a touch: call `setSound(true)` from a click. */
  soundBlocked: boolean;
  /** The quality chosen for our own camera. */
  send: QualityChoice;
  /** Layers that somebody watches. */
  publishing: Layer[];
}

export interface LinkFigures {
  roundTripMs: number | null;
  jitterMs: number | null;
  /** Of what should have come, in thousandths. */
  lossPermille: number | null;
  receiveKbps: number;
  sendKbps: number;
  /** How voice and cameras travel. */
  path: 'udp' | 'tcp' | 'none';
  hint: Hint | null;
}

/** The shared screen as it comes in. */
export type ScreenState =
  | { state: 'none' }
  | { state: 'waiting' }
  | { state: 'shown'; width: number; height: number };

export type TransferState =
  | { state: 'waiting' }
  /** The file is read through once for its SHA-256. */
  | { state: 'hashing' }
  | { state: 'going' }
  | { state: 'paused' }
  /** The link was lost; it goes on by itself. */
  | { state: 'interrupted' }
  | { state: 'done' }
  | { state: 'cancelled' }
  | { state: 'failed'; code: RefusalError['code'] | 'storage'; text: string };

/** An upload or a download; sent whole at most 5 times a second while it goes. */
export interface Transfer {
  /** Ours alone; unique in a meeting. */
  id: number;
  direction: 'up' | 'down';
  name: string;
  sizeBytes: number;
  doneBytes: number;
  bytesPerSecond: number;
  /** The shared file: of a download from the start, of an upload when it is done and known. */
  file: number | null;
  state: TransferState;
}

// ---- what is done in a meeting

export interface TransferHandle {
  readonly id: number;
  pause(): void;
  resume(): void;
  cancel(): void;
}

/** A camera that is visible now; `layer` is the largest that is of use. */
export interface WatchedTile {
  source: ParticipantId;
  layer: Layer;
  pinned: boolean;
}

export interface ScreenSize {
  width: number;
  height: number;
}

export interface Meeting {
  /** Does a command; resolves when the server has answered, also after a link that was lost. Rejects with {@link RefusalError}. */
  ask(command: Command): Promise<Reply>;

  /**
   * These tell the room too (`set_media`) and never reject: what came of it is told by
   * {@link LocalMedia}.
   */
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** Asks for the display first, then takes the floor if it is free and allowed. */
  shareScreen(on: boolean): Promise<void>;
  setSound(on: boolean): Promise<void>;
  chooseDevice(kind: DeviceKind, id: string | null): Promise<void>;
  /** For what we send; for what we receive ask `choose_quality`. */
  chooseSending(choice: QualityChoice): void;

  /** Cameras that are visible now, replacing those of the call before. Cheap to call often. */
  watch(tiles: WatchedTile[]): void;
  /** Draws the newest frame of a camera, our own included, into the canvas; returns how to stop. */
  attachCamera(source: ParticipantId, canvas: HTMLCanvasElement): () => void;
  /** Draws the shared screen, one pixel of it one of the canvas; returns how to stop. */
  attachScreen(canvas: HTMLCanvasElement, changed: (size: ScreenSize) => void): () => void;

  /** Opens our copy of a film and lets it follow the room's; at most one at a time. `heard` is told how it does. */
  openFilm(wish: FilmWish, heard: (status: FilmStatus) => void): FilmHandle;

  upload(file: File): TransferHandle;
  download(file: SharedFile): TransferHandle;
  /** An address that downloads without a seat; null when the file is not shared by link. */
  shareLink(file: SharedFile): string | null;
  /** The link that brings others here. */
  joinLink(): string;

  /** Gives the seat up. `ended` is heard before it resolves. */
  leave(): Promise<void>;
}

/** What was switched on, as the room knows it. */
export type { MediaState };
