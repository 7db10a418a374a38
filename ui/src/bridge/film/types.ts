/**
 * Watching together, as the views see it. Everybody has a copy of their own; a player shows it and follows the
 * room's film. What the room is to do (play, seek, …) is asked of the meeting; the handle here only follows.
 */

import type { Film } from '../../wire';

/** `page` is a `<video>` of ours; the others have windows of their own. */
export type FilmPlayerKind = 'page' | 'mpv' | 'vlc';

/** Why a player cannot do something; `text.film.lacks` has the sentence for each. */
export type FilmLack =
  | 'not_installed'
  | 'not_in_browsers'
  | 'not_in_this_player'
  | 'whole_seconds_only'
  | 'no_tracks'
  | 'no_sound'
  | 'not_on_this_device';

export interface FilmPlayerOffer {
  kind: FilmPlayerKind;
  can: true | FilmLack;
}

export interface FilmPort {
  /** The players of this host, best first. */
  players(): Promise<FilmPlayerOffer[]>;
  /** Lets the person choose a file for this player; call it from a click. Null when they think better of it. */
  choose(player: FilmPlayerKind): Promise<FilmSource | null>;
  /** Reads the whole file; `progress` is told the bytes that are done. */
  hash(source: FilmSource, progress: (bytes: number) => void): FilmHashing;
}

export interface FilmHashing {
  /** SHA-256, lower-case hexadecimal; null when there is none to be had, or it was stopped. */
  sha256: Promise<string | null>;
  stop(): void;
}

/** Somebody's copy. A chosen one is on this machine, and the program that the person chose it with has its path. */
export type FilmSource = { type: 'file'; file: File } | { type: 'chosen'; name: string; sizeBytes: number };

export interface FilmWish {
  source: FilmSource;
  player: FilmPlayerKind;
  /** Where `page` plays: an element of the view, without `controls`. Not needed by the others. */
  video: HTMLVideoElement | null;
}

export type FilmFailureCode =
  | 'cannot_decode'
  | 'file_unreadable'
  | 'file_gone'
  | 'player_missing'
  | 'player_gone'
  | 'player_hangs'
  | 'player_failed'
  | 'no_video_element';

/** `true`, or why not. */
export type FilmAbility = true | FilmLack;

export interface FilmAbilities {
  frameStep: FilmAbility;
  tracks: FilmAbility;
  /** Any rate of 0.25 to 2, also those by which small drifts are made good. */
  speed: FilmAbility;
  /** Positions finer than a second: without it the player is further off than others. */
  precise: FilmAbility;
  volume: FilmAbility;
  ducking: FilmAbility;
  fullScreen: FilmAbility;
}

export interface FilmTrack {
  kind: 'audio' | 'subtitles';
  id: string;
  label: string;
  language: string | null;
  chosen: boolean;
}

/** Whether our copy is the room's film, and if not, how they differ. */
export type FilmComparison = 'unknown' | 'likely' | 'same' | 'other_file' | 'other_length' | 'other_cut';

export interface FilmIdentity {
  name: string;
  sizeBytes: number;
  /** Lower-case hexadecimal; null until it is known. */
  sample: string | null;
  sha256: string | null;
  /** Of `sizeBytes`, for the SHA-256. */
  hashedBytes: number;
  comparison: FilmComparison;
}

/** Sent whole when something of it changes, at most 10 times a second. */
export interface FilmStatus {
  phase: 'opening' | 'open' | 'failed' | 'closed';
  failure: { code: FilmFailureCode; text: string } | null;
  /** `positionMs` was true at `atMs` (`performance.now()`); `positionNow` of `model/film_position.ts` goes on from there. */
  positionMs: number;
  atMs: number;
  playing: boolean;
  ratePermille: number;
  durationMs: number | null;
  buffering: boolean;
  /** How far ahead of the room we are, behind when negative; null when nothing is followed. */
  driftMs: number | null;
  abilities: FilmAbilities;
  tracks: readonly FilmTrack[];
  /** 0 to 1, as the person has set it. */
  volume: number;
  muted: boolean;
  ducked: boolean;
  /** The browser plays only after a touch: call `unblock` from a click. */
  soundBlocked: boolean;
  identity: FilmIdentity;
  /** The room does not take our copy for its film. */
  refused: { code: string; text: string } | null;
}

export interface FilmHandle {
  readonly kind: FilmPlayerKind;
  /** On every change of the room's film: what everybody should see. Says by itself that we have a copy, and how it does. */
  follow(film: Film): void;
  /** Makes our file the film of the room. Rejects with `RefusalError`. */
  openForRoom(): Promise<void>;
  setVolume(volume: number): void;
  setMuted(muted: boolean): void;
  /** Quieter while somebody speaks, by {@link DUCKED_GAIN}. */
  duck(on: boolean): void;
  /**
   * One frame forth or back while the film stands. Resolves with the position in milliseconds that the room is to
   * be asked to seek to: the middle of the frame. Rejects when there is no such frame.
   */
  step(by: 1 | -1): Promise<number>;
  /** A null `id` is no track of that kind. */
  chooseTrack(kind: 'audio' | 'subtitles', id: string | null): void;
  /** Of a window of its own; for `page` make your element fill the screen. */
  setFullScreen(on: boolean): void;
  /** The whole file is not read through any further: our copy stays a likely one. */
  stopHashing(): void;
  /** From a click, when `soundBlocked`. */
  unblock(): void;
  /** Ends player and following; the room hears that we have closed our copy. */
  close(): void;
}

/** How loud a film is while somebody speaks, of what it was: 12 dB less. */
export const DUCKED_GAIN = 0.25;
