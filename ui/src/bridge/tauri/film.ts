/** A film in a player with a window of its own, which the program starts and steers. */

import { filmText } from '../../text/film';
import { compareFilms } from '../../model/film_compare';
import type { Film, FilmFile, Refusal } from '../../wire';
import { pageFilms } from '../film/port';
import type { FilmAbilities, FilmFailureCode, FilmHandle, FilmPlayerKind, FilmPlayerOffer, FilmPort, FilmStatus, FilmTrack, FilmWish } from '../film/types';
import { RefusalError } from '../types';
import { asked, type Ask, type Port } from './words';

const PERCENT = 100;

/** As the program tells it: `client-tauri/core/src/desk/films/shown.rs`. */
export interface FilmShown {
  phase: 'open' | 'failed' | 'closed';
  failure: { code: FilmFailureCode; text: string } | null;
  positionMs: number;
  playing: boolean;
  ratePermille: number;
  durationMs: number | null;
  buffering: boolean;
  driftMs: number | null;
  abilities: FilmAbilities;
  tracks: FilmTrack[];
  volume: number;
  muted: boolean;
  ducked: boolean;
  copy: FilmFile | null;
  hashedBytes: number;
  refused: Refusal | null;
}

export function desktopFilms(port: Port): FilmPort {
  return {
    players: () => asked<FilmPlayerOffer[]>(port, { type: 'film_players' }),
    hash: pageFilms.hash,
    async choose(player) {
      if (player === 'page') return pageFilms.choose(player);
      const chosen = await asked<{ name: string; sizeBytes: number } | null>(port, { type: 'choose_film' });
      return chosen === null ? null : { type: 'chosen', ...chosen };
    },
  };
}

const NOTHING_YET: FilmAbilities = {
  frameStep: 'not_in_this_player',
  tracks: 'not_in_this_player',
  speed: 'not_in_this_player',
  precise: 'not_in_this_player',
  volume: 'not_in_this_player',
  ducking: 'not_in_this_player',
  fullScreen: 'not_in_this_player',
};

let lastFilm = 0;

/** The program follows by itself; here it is shown how it does, and what its person wants of it is passed on. */
export class DesktopFilm implements FilmHandle {
  readonly kind: FilmPlayerKind;
  private readonly id: number;
  private readonly opened: Promise<void>;
  private readonly stopListening: () => void;
  private status: FilmStatus;
  private film: Film | null = null;
  private copy: FilmFile | null = null;
  private hashes = true;
  private closed = false;

  constructor(
    private readonly port: Port,
    wish: FilmWish,
    private readonly heard: (status: FilmStatus) => void,
  ) {
    lastFilm += 1;
    this.id = lastFilm;
    this.kind = wish.player;
    this.status = firstStatus(wish);
    this.stopListening = port.listen((told) => {
      if (told.type === 'film' && told.id === this.id) this.shown(told.film);
    });
    const ask: Ask = { type: 'open_film', payload: { id: this.id, player: wish.player } };
    this.opened = asked(port, ask).then(
      () => undefined,
      (error: unknown) => {
        const code = error instanceof RefusalError ? (error.code as FilmFailureCode) : 'player_failed';
        const text = error instanceof Error ? error.message : filmText.playerMissing;
        this.change({ phase: 'failed', failure: { code, text } });
      },
    );
  }

  follow(film: Film): void {
    this.film = film;
    this.compare();
  }

  async openForRoom(): Promise<void> {
    await this.opened;
    await asked(this.port, { type: 'film_for_room' });
  }

  setVolume(volume: number): void {
    this.quietly({ type: 'tune_film', payload: { volume_percent: Math.round(Math.min(Math.max(volume, 0), 1) * PERCENT) } });
  }

  setMuted(muted: boolean): void {
    this.quietly({ type: 'tune_film', payload: { muted } });
  }

  duck(duck: boolean): void {
    if (this.status.phase === 'open' && duck !== this.status.ducked) this.quietly({ type: 'tune_film', payload: { duck } });
  }

  step(by: 1 | -1): Promise<number> {
    return asked<number>(this.port, { type: 'step_film', payload: { back: by < 0 } });
  }

  chooseTrack(kind: FilmTrack['kind'], id: string | null): void {
    this.quietly({ type: 'choose_track', payload: { kind, id: id === null ? null : Number(id) } });
  }

  setFullScreen(full_screen: boolean): void {
    this.quietly({ type: 'tune_film', payload: { full_screen } });
  }

  stopHashing(): void {
    this.hashes = false;
    this.quietly({ type: 'stop_hashing' });
    if (this.status.identity.sha256 === null) this.change({ identity: { ...this.status.identity, hashedBytes: 0 } });
  }

  unblock(): void {
    // Nothing blocks a player of its own.
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopListening();
    this.quietly({ type: 'close_film' });
    this.change({ phase: 'closed' });
  }

  private shown(film: FilmShown): void {
    const { copy, hashedBytes, refused, ...how } = film;
    this.copy = copy;
    const { identity } = this.status;
    this.change({
      ...how,
      atMs: performance.now(),
      refused: refused === null ? null : { code: refused.code, text: refused.message },
      identity: {
        ...identity,
        sample: copy?.sample ?? null,
        sha256: copy?.sha256 ?? null,
        hashedBytes: copy?.sha256 == null && !this.hashes ? 0 : hashedBytes,
      },
    });
    this.compare();
  }

  private compare(): void {
    const theirs = this.film?.file ?? null;
    const comparison = this.copy === null || theirs === null ? 'unknown' : compareFilms(this.copy, theirs);
    if (comparison !== this.status.identity.comparison) this.change({ identity: { ...this.status.identity, comparison } });
  }

  private change(some: Partial<FilmStatus>): void {
    this.status = { ...this.status, ...some };
    this.heard(this.status);
  }

  /** What comes of it is seen in how the player does. */
  private quietly(ask: Ask): void {
    asked(this.port, ask).catch(() => undefined);
  }
}

function firstStatus({ source }: FilmWish): FilmStatus {
  const [name, sizeBytes] = source.type === 'file' ? [source.file.name, source.file.size] : [source.name, source.sizeBytes];
  return {
    phase: 'opening',
    failure: null,
    positionMs: 0,
    atMs: performance.now(),
    playing: false,
    ratePermille: 1_000,
    durationMs: null,
    buffering: false,
    driftMs: null,
    abilities: NOTHING_YET,
    tracks: [],
    volume: 1,
    muted: false,
    ducked: false,
    soundBlocked: false,
    identity: { name, sizeBytes, sample: null, sha256: null, hashedBytes: 0, comparison: 'unknown' },
    refused: null,
  };
}
