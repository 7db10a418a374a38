/** A `<video>` as a player that follows: where it really is, and what it is told to do. */

import { filmText } from '../../text/film';
import type { FilmAbilities, FilmFailureCode } from './types';

/** A frame that stands on the screen for longer than this has frozen, or is not told. */
const FRAME_OLD_MS = 150;
/** Where the rate of frames is not known: no film has more than so many a second. */
const FRAME_LEAST_MS = 1_000 / 60;
/** Tries to find the next picture when the rate of frames is not known. */
const STEPS_MAX = 6;
/** A jump while it stands is shown within this. */
const SHOWN_MAX_MS = 1_500;
/** `HTMLMediaElement.HAVE_FUTURE_DATA` */
const HAVE_FUTURE_DATA = 3;
/** `MediaError.MEDIA_ERR_ABORTED` */
const ABORTED = 1;

/** What the video says of itself; `atMs` is on the clock of `performance.now()`. */
export interface VideoSeen {
  atMs: number;
  positionMs: number;
  playing: boolean;
  ratePermille: number;
  buffering: boolean;
  durationMs: number | null;
}

export interface VideoEvents {
  /** Something is worth a look: it began, stopped, stalled, jumped. */
  changed(): void;
  failed(code: FilmFailureCode, text: string): void;
  soundBlocked(blocked: boolean): void;
}

/** The frame that is on the screen. */
interface Frame {
  mediaMs: number;
  shownAtMs: number;
}

const HEARD = ['playing', 'pause', 'waiting', 'stalled', 'seeking', 'seeked', 'ended', 'ratechange', 'canplay'] as const;

export class VideoPlayer {
  private frame: Frame | null = null;
  /** Between two frames, in the film's time; the least that was seen. */
  private frameMs: number | null = null;
  private frameCallback = 0;
  private readonly url: string;
  private closed = false;
  private failure = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly source: File,
    private readonly events: VideoEvents,
  ) {
    this.url = URL.createObjectURL(source);
  }

  /** Loads the film and stands at its beginning; false when it cannot be played, which was told. */
  open(): Promise<boolean> {
    const { video } = this;
    for (const name of HEARD) video.addEventListener(name, this.heard);
    video.preload = 'auto';
    video.playsInline = true;
    return new Promise((done) => {
      const ended = (isOpen: boolean): void => {
        video.removeEventListener('loadedmetadata', loaded);
        video.removeEventListener('error', broken);
        if (isOpen) video.addEventListener('error', this.broken);
        done(isOpen && !this.failure);
      };
      const loaded = (): void => {
        // A picture that cannot be decoded leaves the sound of its film.
        if (video.videoWidth === 0 && !this.isSoundOnly()) this.fail('cannot_decode', filmText.cannotDecodePicture);
        ended(true);
      };
      const broken = (): void => {
        ended(false);
        void this.explain();
      };
      video.addEventListener('loadedmetadata', loaded);
      video.addEventListener('error', broken);
      video.src = this.url;
      this.awaitFrame();
    });
  }

  look(nowMs: number): VideoSeen {
    const { video } = this;
    const playing = !video.paused && !video.ended;
    const buffering = video.seeking || (playing && video.readyState < HAVE_FUTURE_DATA);
    const durationMs = Number.isFinite(video.duration) && video.duration > 0 ? video.duration * 1_000 : null;
    return {
      ...this.place(nowMs, playing && !buffering),
      playing,
      ratePermille: Math.round(video.playbackRate * 1_000),
      buffering,
      durationMs,
    };
  }

  async play(): Promise<void> {
    try {
      await this.video.play();
      this.events.soundBlocked(false);
    } catch (error) {
      // Anything else is told by the error event, or was undone by a pause.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.events.soundBlocked(true);
    }
  }

  pause(): void {
    this.video.pause();
  }

  seek(toMs: number): void {
    this.frame = null;
    this.video.currentTime = toMs / 1_000;
  }

  rate(permille: number): void {
    this.video.playbackRate = permille / 1_000;
  }

  sound(volume: number, muted: boolean): void {
    this.video.volume = Math.min(Math.max(volume, 0), 1);
    this.video.muted = muted;
  }

  abilities(): FilmAbilities {
    return {
      frameStep: 'requestVideoFrameCallback' in this.video ? true : 'not_in_browsers',
      // No browser but Safari lets a page choose them.
      tracks: 'not_in_browsers',
      speed: true,
      precise: true,
      volume: true,
      ducking: true,
      fullScreen: true,
    };
  }

  /** Shows the next frame, or the one before; its middle in milliseconds. */
  async step(by: 1 | -1): Promise<number> {
    const { video } = this;
    if (!video.paused) throw new Error(filmText.pauseToStep);
    const from = this.frame?.mediaMs ?? video.currentTime * 1_000;
    const frameMs = this.frameMs ?? FRAME_LEAST_MS;
    for (let tries = 1; tries <= STEPS_MAX; tries += 1) {
      // Into the middle of the frame that is looked for, further where it was not met.
      const to = by > 0 ? from + frameMs * (tries + 0.5) : from - frameMs * (tries - 0.5);
      if (to < 0 || to > video.duration * 1_000) break;
      const shown = await this.shownAt(to);
      if (shown !== null && Math.abs(shown - from) > 1) return shown + frameMs / 2;
    }
    throw new Error(filmText.noSuchFrame);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { video } = this;
    for (const name of HEARD) video.removeEventListener(name, this.heard);
    video.removeEventListener('error', this.broken);
    if ('cancelVideoFrameCallback' in video) video.cancelVideoFrameCallback(this.frameCallback);
    video.pause();
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(this.url);
  }

  /** The frame on the screen says best where the film is; without one, the browser's own clock. */
  private place(nowMs: number, moves: boolean): { atMs: number; positionMs: number } {
    const { frame, video } = this;
    const positionMs = video.currentTime * 1_000;
    if (!moves || frame === null || nowMs - frame.shownAtMs > FRAME_OLD_MS) return { atMs: nowMs, positionMs };
    // It is told a little before it is shown.
    const ahead = Math.max(frame.shownAtMs - nowMs, 0);
    return { atMs: frame.shownAtMs - ahead, positionMs: frame.mediaMs - ahead * video.playbackRate };
  }

  private awaitFrame(): void {
    const { video } = this;
    if (this.closed || !('requestVideoFrameCallback' in video)) return;
    this.frameCallback = video.requestVideoFrameCallback((_, told) => {
      const mediaMs = told.mediaTime * 1_000;
      const since = this.frame === null ? 0 : mediaMs - this.frame.mediaMs;
      if (since > 1 && since < 1_000) this.frameMs = Math.min(this.frameMs ?? Infinity, since);
      this.frame = { mediaMs, shownAtMs: told.expectedDisplayTime };
      this.awaitFrame();
    });
  }

  /** Jumps while it stands; the frame that is shown then, null when none is in time. */
  private shownAt(toMs: number): Promise<number | null> {
    const { video } = this;
    return new Promise((done) => {
      const late = setTimeout(() => done(null), SHOWN_MAX_MS);
      video.requestVideoFrameCallback((_, told) => {
        clearTimeout(late);
        done(told.mediaTime * 1_000);
      });
      video.currentTime = toMs / 1_000;
    });
  }

  private isSoundOnly(): boolean {
    return this.source.type.startsWith('audio/');
  }

  private readonly heard = (): void => this.events.changed();

  private readonly broken = (): void => void this.explain();

  /** Why it does not play: the file, or what is in it. */
  private async explain(): Promise<void> {
    if (this.closed || this.video.error?.code === ABORTED) return;
    try {
      await this.source.slice(0, 1).arrayBuffer();
    } catch {
      return this.fail('file_gone', filmText.fileGone);
    }
    this.fail('cannot_decode', filmText.cannotDecode);
  }

  private fail(code: FilmFailureCode, text: string): void {
    this.failure = true;
    if (!this.closed) this.events.failed(code, text);
  }
}
