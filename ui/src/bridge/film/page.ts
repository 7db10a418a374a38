/**
 * A film in the page: a `<video>` that follows the room, and what the room is told of our copy. The same in a
 * browser and in the desktop's webview.
 */

import { filmText } from '../../text/film';
import type { Command, Film, FilmFile, FilmReadiness, ParticipantId, Reply } from '../../wire';
import { RefusalError } from '../types';
import { aimAt, aimOf, driftUs, look, newFollower, readiness, type Follower, type Order } from '../../model/follower';
import { compareFilms } from '../../model/film_compare';
import { sampleOf, startHashing, type Hashing } from './identity';
import { DUCKED_GAIN, type FilmFailureCode, type FilmHandle, type FilmIdentity, type FilmStatus, type FilmWish } from './types';
import { VideoPlayer, type VideoSeen } from './video';

/** Of the positions that a browser tells: frames are stamped, and the clock of the page counts in tenths of milliseconds. */
const GRAIN_US = 5_000;
/** Status goes out no more often. */
const STATUS_EVERY_MS = 100;
/** The room is told how our copy does no more often. */
const MARK_EVERY_MS = 500;
/** An answer that was refused for haste or a lost link is tried again after this. */
const RETRY_MS = 2_000;

/** What a page's player needs of the meeting. */
export interface FilmRoom {
  me: ParticipantId;
  ask(command: Command): Promise<Reply>;
  /** The room clock at a moment of `performance.now()`, and how wrong it may be; null while it is not known. */
  roomReading(localMs: number): { roomMs: number; errorMs: number } | null;
}

/** How it is found out which film a file is. */
export interface IdentifyPath {
  sample(): Promise<string>;
  hash(progress: (bytes: number) => void): Hashing;
}

export function openPageFilm(
  wish: FilmWish,
  room: FilmRoom,
  heard: (status: FilmStatus) => void,
  identify?: IdentifyPath,
): FilmHandle {
  return new PageFilm(wish, room, heard, identify ?? identifyFile(wish));
}

function identifyFile({ source }: FilmWish): IdentifyPath | null {
  if (source.type !== 'file') return null;
  return { sample: () => sampleOf(source.file), hash: (progress) => startHashing(source.file, progress) };
}

class PageFilm implements FilmHandle {
  readonly kind = 'page';
  private status: FilmStatus;
  private readonly player: VideoPlayer | null;
  private follower: Follower = newFollower({ grainUs: GRAIN_US, nudges: true, rateDelayUs: 0 });
  private film: Film | null = null;
  private hashing: Hashing | null = null;
  /** What the room was told that we have, as one text; null is nothing. */
  private toldCopy: string | null = null;
  private toldMark: FilmReadiness | null = null;
  private telling = false;
  private tellAgainMs = 0;
  private readonly ready: Promise<void>;
  private lookTimer: ReturnType<typeof setTimeout> | undefined;
  private statusTimer: ReturnType<typeof setTimeout> | undefined;
  private statusSentMs = -Infinity;

  constructor(
    wish: FilmWish,
    private readonly room: FilmRoom,
    private readonly heard: (status: FilmStatus) => void,
    private readonly identify: IdentifyPath | null,
  ) {
    const { source, video } = wish;
    const playable = source.type === 'file' ? source.file : null;
    const events = {
      changed: () => this.lookSoon(0),
      failed: (code: FilmFailureCode, text: string) => this.fail(code, text),
      soundBlocked: (soundBlocked: boolean) => this.change({ soundBlocked }),
    };
    this.player = video === null || playable === null ? null : new VideoPlayer(video, playable, events);
    this.status = firstStatus(wish, this.player);
    this.ready = this.begin();
  }

  follow(film: Film): void {
    const before = this.film;
    this.film = film;
    this.follower = aimAt(this.follower, aimOf(film));
    if (before?.file?.sample !== film.file?.sample || before?.file?.sha256 !== film.file?.sha256) this.toldCopy = null;
    this.change({ identity: { ...this.status.identity, comparison: this.compared() } });
    this.lookSoon(0);
  }

  async openForRoom(): Promise<void> {
    await this.ready;
    const film = this.ourFile();
    if (film === null) throw new RefusalError('film_invalid', this.status.failure?.text ?? filmText.fileUnreadable);
    await this.room.ask({ type: 'open_film', payload: { film } });
    this.toldCopy = copyKey(film);
    this.toldMark = null;
    this.change({ refused: null });
  }

  setVolume(volume: number): void {
    this.change({ volume: Math.min(Math.max(volume, 0), 1) });
    this.sound();
  }

  setMuted(muted: boolean): void {
    this.change({ muted });
    this.sound();
  }

  duck(ducked: boolean): void {
    if (ducked === this.status.ducked) return;
    this.change({ ducked });
    this.sound();
  }

  step(by: 1 | -1): Promise<number> {
    if (this.player === null) return Promise.reject(new Error(filmText.noVideoElement));
    return this.player.step(by);
  }

  chooseTrack(): void {
    // Greyed: no browser lets a page choose.
  }

  setFullScreen(): void {
    // The view makes its own element fill the screen.
  }

  stopHashing(): void {
    this.hashing?.stop();
    if (this.status.identity.sha256 === null) this.identified({ hashedBytes: 0 });
  }

  unblock(): void {
    void this.player?.play();
  }

  close(): void {
    if (this.status.phase === 'closed') return;
    if (this.toldCopy !== null) {
      // If it is not heard the mark goes with our seat.
      this.room.ask({ type: 'mark_film', payload: { readiness: 'closed' } }).catch(() => undefined);
    }
    this.end('closed');
    this.sendStatus();
  }

  private async begin(): Promise<void> {
    if (this.player === null) return this.fail('no_video_element', filmText.noVideoElement);
    const sample = this.identify?.sample().catch(() => null) ?? Promise.resolve(null);
    const [isOpen, sampled] = await Promise.all([this.player.open(), sample]);
    if (!isOpen || this.status.phase !== 'opening') return;
    if (sampled === null) return this.fail('file_unreadable', filmText.fileUnreadable);
    this.sound();
    this.change({ phase: 'open', identity: { ...this.status.identity, sample: sampled } });
    this.lookSoon(0);
    void this.hashAll();
  }

  private async hashAll(): Promise<void> {
    this.hashing = this.identify?.hash((hashedBytes) => this.identified({ hashedBytes })) ?? null;
    const sha256 = (await this.hashing?.sha256) ?? null;
    if (this.status.phase !== 'open' || sha256 === null) return;
    this.identified({ sha256, hashedBytes: this.status.identity.sizeBytes });
    this.lookSoon(0);
  }

  private identified(known: Partial<FilmIdentity>): void {
    this.change({ identity: { ...this.status.identity, ...known } });
    this.change({ identity: { ...this.status.identity, comparison: this.compared() } });
  }

  private lookSoon(inMs: number): void {
    clearTimeout(this.lookTimer);
    if (this.status.phase === 'open') this.lookTimer = setTimeout(() => this.look(), inMs);
  }

  private look(): void {
    if (this.player === null || this.status.phase !== 'open') return;
    const nowMs = performance.now();
    const seen = this.player.look(nowMs);
    const isOurs = this.film?.file != null && !isOther(this.status.identity.comparison) && this.status.refused === null;
    if (isOurs) this.followWith(seen, nowMs);
    else if (seen.playing) this.player.pause();
    const drift = isOurs ? driftUs(this.follower) : null;
    this.change({ ...seen, driftMs: drift === null ? null : drift / 1_000 });
    void this.tell(nowMs);
    this.lookSoon(Math.ceil(this.follower.waitUs / 1_000));
  }

  private followWith(seen: VideoSeen, nowMs: number): void {
    const reading = this.room.roomReading(nowMs);
    const room = reading && { roomUs: us(reading.roomMs), errorUs: us(reading.errorMs) };
    const judged = look(this.follower, us(nowMs), room, {
      atUs: us(seen.atMs),
      positionUs: us(Math.max(seen.positionMs, 0)),
      playing: seen.playing,
      ratePermille: seen.ratePermille,
      buffering: seen.buffering,
      durationUs: seen.durationMs === null ? null : us(seen.durationMs),
    });
    this.follower = judged.follower;
    if (judged.order !== null) this.obey(judged.order);
  }

  private obey(order: Order): void {
    const { player } = this;
    if (player === null) return;
    switch (order.type) {
      case 'play':
        return void player.play();
      case 'pause':
        return player.pause();
      case 'seek':
        return player.seek(order.toUs / 1_000);
      case 'rate':
        return player.rate(order.permille);
    }
  }

  /** Says that we have a copy, then how it does; one at a time, and again when it was not heard. */
  private async tell(nowMs: number): Promise<void> {
    const ours = this.ourFile();
    if (this.telling || nowMs < this.tellAgainMs || this.film?.file == null || ours === null) return;
    const forgotten = this.toldMark !== null && !this.film.marks.some(({ id }) => id === this.room.me);
    const copy = copyKey(ours);
    const command = this.toldCopy !== copy || forgotten ? haveFilm(ours) : this.mark();
    if (command === null) return;
    this.telling = true;
    try {
      await this.room.ask(command);
      this.tellAgainMs = nowMs + MARK_EVERY_MS;
      if (command.type === 'have_film') {
        this.toldCopy = copy;
        this.toldMark = null;
        this.change({ refused: null });
      } else if (command.type === 'mark_film') this.toldMark = command.payload.readiness;
    } catch (error) {
      this.tellAgainMs = nowMs + RETRY_MS;
      this.notTaken(error, command.type === 'have_film' ? copy : null);
    } finally {
      this.telling = false;
    }
  }

  private mark(): Command | null {
    if (this.status.refused !== null) return null;
    const now = readiness(this.follower);
    return now === this.toldMark ? null : { type: 'mark_film', payload: { readiness: now } };
  }

  /** A copy that is not the film's is not offered again until it or the film is another. */
  private notTaken(error: unknown, copy: string | null): void {
    if (!(error instanceof RefusalError) || copy === null) return;
    if (!['file_hash_mismatch', 'film_invalid', 'file_hash_invalid'].includes(error.code)) return;
    this.toldCopy = copy;
    this.change({ refused: { code: error.code, text: error.message } });
  }

  private ourFile(): FilmFile | null {
    const { identity, durationMs } = this.status;
    if (identity.sample === null || this.status.phase !== 'open') return null;
    return {
      name: identity.name,
      size_bytes: identity.sizeBytes,
      duration_ms: Math.round(durationMs ?? this.player?.look(performance.now()).durationMs ?? 0),
      sample: identity.sample,
      sha256: identity.sha256,
    };
  }

  private compared(): FilmIdentity['comparison'] {
    const [ours, theirs] = [this.ourFile(), this.film?.file ?? null];
    return ours === null || theirs === null ? 'unknown' : compareFilms(ours, theirs);
  }

  private sound(): void {
    const { volume, muted, ducked } = this.status;
    this.player?.sound(ducked ? volume * DUCKED_GAIN : volume, muted);
  }

  private fail(code: FilmFailureCode, text: string): void {
    if (this.status.phase === 'closed') return;
    this.end('failed');
    this.change({ failure: { code, text } });
    if (this.toldCopy !== null) {
      this.room.ask({ type: 'mark_film', payload: { readiness: 'closed' } }).catch(() => undefined);
    }
  }

  private end(phase: 'failed' | 'closed'): void {
    clearTimeout(this.lookTimer);
    this.hashing?.stop();
    this.status = { ...this.status, phase, playing: false };
    this.player?.close();
  }

  private change(change: Partial<FilmStatus>): void {
    this.status = { ...this.status, ...change };
    if (this.statusTimer !== undefined) return;
    const dueMs = Math.max(this.statusSentMs + STATUS_EVERY_MS - performance.now(), 0);
    this.statusTimer = setTimeout(() => this.sendStatus(), dueMs);
  }

  private sendStatus(): void {
    clearTimeout(this.statusTimer);
    this.statusTimer = undefined;
    this.statusSentMs = performance.now();
    this.heard(this.status);
  }
}

function firstStatus({ source }: FilmWish, player: VideoPlayer | null): FilmStatus {
  const { name, size } = source.type === 'file' ? source.file : { name: source.name, size: source.sizeBytes };
  const lack = 'not_in_browsers';
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
    abilities: player?.abilities() ?? {
      frameStep: lack,
      tracks: lack,
      speed: lack,
      precise: lack,
      volume: lack,
      ducking: lack,
      fullScreen: lack,
    },
    tracks: [],
    volume: 1,
    muted: false,
    ducked: false,
    soundBlocked: false,
    identity: { name, sizeBytes: size, sample: null, sha256: null, hashedBytes: 0, comparison: 'unknown' },
    refused: null,
  };
}

function haveFilm(film: FilmFile): Command {
  return { type: 'have_film', payload: { film } };
}

function copyKey({ sample, sha256 }: FilmFile): string {
  return `${sample ?? ''} ${sha256 ?? ''}`;
}

function isOther(comparison: FilmIdentity['comparison']): boolean {
  return comparison.startsWith('other_');
}

function us(ms: number): number {
  return Math.round(ms * 1_000);
}
