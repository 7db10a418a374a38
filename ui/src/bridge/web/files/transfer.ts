/** What uploads and downloads have in common: their state, told at a bearable pace, and their controls. */

import { RefusalError, type Transfer, type TransferHandle, type TransferState } from '../../types';
import { Backoff } from '../link/backoff';
import { Progress } from './progress';

/** How often a person sees the progress. */
const TELL_EVERY_MS = 200;
/** A transfer that gets no further for so long is given up; it can be taken up again later. */
const STUCK_MAX_MS = 60_000;

/** It was paused or cancelled: not a failure. */
export class Stopped extends Error {}

/** A transfer under way. `work` is called again after a pause, and goes on where the last call stopped. */
export class Desk {
  private transfer: Transfer;
  private readonly progress = new Progress();
  private readonly backoff = new Backoff();
  private stop = new AbortController();
  private stuckSinceMs: number | undefined;
  private told: ReturnType<typeof setTimeout> | undefined;
  private begun = false;
  private running = false;

  constructor(
    start: Pick<Transfer, 'id' | 'direction' | 'name' | 'sizeBytes' | 'file'>,
    private readonly tell: (transfer: Transfer) => void,
    private readonly work: (desk: Desk) => Promise<void>,
    private readonly cancelled: () => void,
  ) {
    this.transfer = { ...start, doneBytes: 0, bytesPerSecond: 0, state: { state: 'waiting' } };
  }

  get handle(): TransferHandle {
    return {
      id: this.transfer.id,
      pause: () => this.pause(),
      resume: () => this.resume(),
      cancel: () => this.cancel(),
    };
  }

  /** Aborted when the transfer is paused or cancelled. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  get isOver(): boolean {
    const { state } = this.transfer.state;
    return state === 'done' || state === 'cancelled' || state === 'failed';
  }

  /** Begins, unless it has begun. */
  start(): void {
    if (this.begun) return;
    this.begun = true;
    this.tell(this.transfer);
    void this.run();
  }

  /** It is a shared file now. */
  known(file: number): void {
    this.transfer = { ...this.transfer, file };
    this.tell(this.transfer);
  }

  /** So many bytes are done in all. */
  moved(doneBytes: number): void {
    if (doneBytes > this.transfer.doneBytes) {
      this.stuckSinceMs = undefined;
      this.backoff.succeeded();
    }
    this.progress.reach(doneBytes, performance.now());
    const bytesPerSecond = this.progress.bytesPerSecond();
    this.transfer = { ...this.transfer, doneBytes, bytesPerSecond };
    this.told ??= setTimeout(() => {
      this.told = undefined;
      this.tell(this.transfer);
    }, TELL_EVERY_MS);
  }

  set(state: TransferState): void {
    if (this.isOver) return;
    clearTimeout(this.told);
    this.told = undefined;
    this.transfer = { ...this.transfer, state };
    this.tell(this.transfer);
  }

  cancel(): void {
    if (this.isOver) return;
    this.set({ state: 'cancelled' });
    this.stop.abort();
    this.cancelled();
  }

  private pause(): void {
    if (this.isOver) return;
    this.set({ state: 'paused' });
    this.stop.abort();
  }

  private resume(): void {
    const { state } = this.transfer.state;
    if (state !== 'paused' && state !== 'failed') return;
    this.stop = new AbortController();
    this.stuckSinceMs = undefined;
    this.transfer = { ...this.transfer, state: { state: 'waiting' } };
    this.tell(this.transfer);
    void this.run();
  }

  private async run(): Promise<void> {
    // A pause and a resume may come before the work before has noticed the pause: it goes on by itself.
    if (this.running) return;
    this.running = true;
    while (!this.isOver && !this.signal.aborted) {
      this.progress.restart();
      this.set({ state: 'going' });
      try {
        await this.work(this);
        this.transfer = { ...this.transfer, doneBytes: this.transfer.sizeBytes };
        this.set({ state: 'done' });
      } catch (error) {
        await this.failed(error);
      }
    }
    this.running = false;
  }

  private async failed(error: unknown): Promise<void> {
    if (error instanceof Stopped || this.signal.aborted) return;
    if (!(error instanceof RefusalError)) {
      const text = error instanceof Error ? error.message : '';
      return this.set({ state: 'failed', code: 'storage', text });
    }
    const passes = error.code === 'unreachable' || error.retryAfterMs !== null || error.code === 'busy';
    const nowMs = performance.now();
    this.stuckSinceMs ??= nowMs;
    if (!passes || nowMs - this.stuckSinceMs >= STUCK_MAX_MS) {
      const code = error.code === 'untrusted' ? 'unreachable' : error.code;
      return this.set({ state: 'failed', code, text: error.message });
    }
    this.set({ state: 'interrupted' });
    await this.wait(Math.max(error.retryAfterMs ?? 0, this.backoff.nextWaitMs(Math.random())));
  }

  private wait(ms: number): Promise<void> {
    const { signal } = this;
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        done();
      });
    });
  }
}
