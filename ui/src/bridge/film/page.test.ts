import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Command, Film, FilmFile, Reply } from '../../wire';
import { RefusalError } from '../types';
import { openPageFilm, type FilmRoom } from './page';
import type { FilmHandle, FilmStatus } from './types';

const ME = 7;
const LENGTH_S = 60;
const SAMPLE = 'a'.repeat(64);
const SHA = 'b'.repeat(64);
/** The room clock when the local one was 0. */
const OFFSET_MS = 5_000;

/** A video that plays on the clock of the test. */
class PretendVideo extends EventTarget {
  duration = LENGTH_S;
  videoWidth = 640;
  readyState = 4;
  paused = true;
  ended = false;
  seeking = false;
  volume = 1;
  muted = false;
  error: { code: number } | null = null;
  refusesToPlay = false;
  private position = 0;
  private sinceMs = 0;
  private rate = 1;

  set src(_: string) {
    setTimeout(() => this.dispatchEvent(new Event(this.error === null ? 'loadedmetadata' : 'error')));
  }

  get currentTime(): number {
    const gone = this.paused ? 0 : ((performance.now() - this.sinceMs) / 1_000) * this.rate;
    return Math.min(this.position + gone, this.duration);
  }

  set currentTime(to: number) {
    this.settle(to);
    this.dispatchEvent(new Event('seeked'));
  }

  get playbackRate(): number {
    return this.rate;
  }

  set playbackRate(rate: number) {
    this.settle(this.currentTime);
    this.rate = rate;
  }

  play(): Promise<void> {
    if (this.refusesToPlay) return Promise.reject(new DOMException('touch me', 'NotAllowedError'));
    this.settle(this.currentTime);
    this.paused = false;
    this.dispatchEvent(new Event('playing'));
    return Promise.resolve();
  }

  pause(): void {
    this.settle(this.currentTime);
    this.paused = true;
  }

  load(): void {}
  removeAttribute(): void {}

  private settle(to: number): void {
    this.position = to;
    this.sinceMs = performance.now();
  }
}

const FILE: FilmFile = { name: 'film.mp4', size_bytes: 4, duration_ms: LENGTH_S * 1_000, sample: SAMPLE, sha256: null };

function roomFilm(change: Partial<Film['anchor']> = {}, file: FilmFile | null = FILE): Film {
  const anchor = { playing: false, position_ms: 0, at_ms: 0, rate_permille: 1_000, hold: null, ...change };
  const marks = [{ id: ME, readiness: 'ready' as const, sure: false }];
  return { file, leader: null, anchor, playlist: [], marks };
}

describe('a film in the page', () => {
  let video: PretendVideo;
  let asked: Command[];
  let refusal: RefusalError | null;
  let told: FilmStatus | null;
  let film: FilmHandle;

  function open(file: File): FilmHandle {
    const room: FilmRoom = {
      me: ME,
      ask(command): Promise<Reply> {
        asked.push(command);
        if (refusal !== null && command.type === 'have_film') return Promise.reject(refusal);
        return Promise.resolve({ type: 'nothing' });
      },
      roomReading: (localMs) => ({ roomMs: localMs + OFFSET_MS, errorMs: 1 }),
    };
    const identify = { sample: () => Promise.resolve(SAMPLE), hash: () => ({ sha256: Promise.resolve(SHA), stop: () => undefined }) };
    const wish = { source: { type: 'file', file }, player: 'page', video: video as unknown as HTMLVideoElement } as const;
    return openPageFilm(wish, room, (status) => (told = status), identify);
  }

  const last = <T extends Command['type']>(type: T) => asked.filter((command) => command.type === type).at(-1);
  const roomNow = () => performance.now() + OFFSET_MS;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    URL.createObjectURL = () => 'blob:film';
    URL.revokeObjectURL = () => undefined;
    video = new PretendVideo();
    asked = [];
    refusal = null;
    told = null;
    film = open(new File(['film'], 'film.mp4', { type: 'video/mp4' }));
    await vi.advanceTimersByTimeAsync(200);
  });

  afterEach(() => {
    film.close();
    vi.useRealTimers();
  });

  it('tells the room at once what the copy likely is, and surely when it is hashed', async () => {
    film.follow(roomFilm());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked[0]).toEqual({ type: 'have_film', payload: { film: { ...FILE, sha256: SHA } } });
    expect(asked.filter(({ type }) => type === 'have_film')).toHaveLength(1);
    expect(last('mark_film')).toEqual({ type: 'mark_film', payload: { readiness: 'ready' } });
    expect(told).toMatchObject({ phase: 'open', durationMs: LENGTH_S * 1_000, identity: { comparison: 'likely', sha256: SHA } });
  });

  it('plays with the room, runs after it, and stops with it', async () => {
    film.follow(roomFilm({ playing: true, position_ms: 20_000, at_ms: roomNow() }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(video.currentTime).toBeCloseTo(23, 1);
    expect(told?.driftMs).toBeLessThan(15);

    // A little behind is made good by running faster, and nobody sees a jump.
    video.currentTime -= 0.1;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(video.playbackRate).toBeGreaterThan(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(video.currentTime).toBeCloseTo(29, 1);
    expect(video.playbackRate).toBe(1);

    film.follow(roomFilm({ position_ms: 12_000, at_ms: roomNow() }));
    await vi.advanceTimersByTimeAsync(500);
    expect(video.paused).toBe(true);
    expect(video.currentTime).toBeCloseTo(12, 3);
  });

  it('says that it has run dry, so that the others can wait', async () => {
    film.follow(roomFilm({ playing: true, at_ms: roomNow() }));
    await vi.advanceTimersByTimeAsync(1_500);
    video.readyState = 2;
    await vi.advanceTimersByTimeAsync(1_500);
    expect(last('mark_film')).toEqual({ type: 'mark_film', payload: { readiness: 'buffering' } });
    expect(told?.buffering).toBe(true);
    video.readyState = 4;
    await vi.advanceTimersByTimeAsync(1_500);
    expect(last('mark_film')).toEqual({ type: 'mark_film', payload: { readiness: 'ready' } });
  });

  it('leaves the film alone when the room does not take the copy, and offers it once', async () => {
    refusal = new RefusalError('file_hash_mismatch', 'Your file is not the film of this room.');
    film.follow(roomFilm({ playing: true, at_ms: roomNow() }, { ...FILE, sample: 'c'.repeat(64), size_bytes: 5 }));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(asked.map(({ type }) => type)).toEqual(['have_film']);
    expect(video.paused).toBe(true);
    expect(told).toMatchObject({ refused: { code: 'file_hash_mismatch' }, identity: { comparison: 'other_cut' } });

    // Another film is another question.
    refusal = null;
    film.follow(roomFilm());
    await vi.advanceTimersByTimeAsync(3_000);
    expect(told).toMatchObject({ refused: null, identity: { comparison: 'likely' } });
  });

  it('says again that it has the film when the room has forgotten it', async () => {
    film.follow(roomFilm());
    await vi.advanceTimersByTimeAsync(2_000);
    film.follow({ ...roomFilm(), marks: [] });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked.filter(({ type }) => type === 'have_film').length).toBeGreaterThan(1);
  });

  it('asks for a touch where the browser wants one', async () => {
    video.refusesToPlay = true;
    film.follow(roomFilm({ playing: true, at_ms: roomNow() }));
    await vi.advanceTimersByTimeAsync(500);
    expect(told?.soundBlocked).toBe(true);
    video.refusesToPlay = false;
    film.unblock();
    await vi.advanceTimersByTimeAsync(500);
    expect(told?.soundBlocked).toBe(false);
    expect(video.paused).toBe(false);
  });

  it('is quieter while somebody speaks', () => {
    film.setVolume(0.8);
    film.duck(true);
    expect(video.volume).toBeCloseTo(0.2);
    film.duck(false);
    expect(video.volume).toBeCloseTo(0.8);
  });

  it('makes its file the film of the room', async () => {
    await film.openForRoom();
    expect(last('open_film')).toEqual({ type: 'open_film', payload: { film: { ...FILE, sha256: SHA } } });
  });

  it('tells a file that is gone from one that cannot be played, and closes its mark', async () => {
    film.follow(roomFilm());
    await vi.advanceTimersByTimeAsync(2_000);
    video.error = { code: 3 };
    video.dispatchEvent(new Event('error'));
    await vi.advanceTimersByTimeAsync(200);
    expect(told).toMatchObject({ phase: 'failed', failure: { code: 'cannot_decode' } });
    expect(last('mark_film')).toEqual({ type: 'mark_film', payload: { readiness: 'closed' } });

    video = new PretendVideo();
    const file = new File(['film'], 'film.mp4');
    file.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) as unknown as Blob;
    video.error = { code: 2 };
    film = open(file);
    await vi.advanceTimersByTimeAsync(200);
    expect(told).toMatchObject({ phase: 'failed', failure: { code: 'file_gone' } });
  });

  it('refuses a picture that only sounds', async () => {
    film.close();
    video = new PretendVideo();
    video.videoWidth = 0;
    film = open(new File(['film'], 'film.mkv', { type: 'video/x-matroska' }));
    await vi.advanceTimersByTimeAsync(200);
    expect(told).toMatchObject({ phase: 'failed', failure: { code: 'cannot_decode' } });
  });
});
