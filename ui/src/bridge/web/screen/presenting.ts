/** Showing our screen: the display first, then the floor, then the link. */

import type { Command, Floor, ParticipantId, Refusal, Reply } from '../../../wire';
import { RefusalError, type LocalDevice, type MediaFailure } from '../../types';
import { failureOf, stopTracks } from '../capture';
import type { ScreenAccess } from './link';
import { ScreenShare } from './share';

/** What is asked of a display; more pictures than this are never sent. */
const DISPLAY: DisplayMediaStreamOptions = { video: { frameRate: { max: 30 } }, audio: false };

export interface PresentingParts {
  you: ParticipantId;
  ask(command: Command): Promise<Reply>;
  access(): ScreenAccess;
  state(state: LocalDevice): void;
}

export class Presenting {
  private stream: MediaStream | undefined;
  private share: ScreenShare | undefined;
  private floor: Floor;
  /** We have the floor, or wait for it, because of this display. */
  private asked = false;

  constructor(
    private readonly parts: PresentingParts,
    floor: Floor,
  ) {
    this.floor = floor;
  }

  /** Never rejects; what came of it is told as state. */
  async start(): Promise<void> {
    if (this.stream !== undefined) return;
    this.parts.state({ state: 'starting' });
    const display = await this.choose();
    if (display === undefined) return;
    this.stream = display;
    const track = display.getVideoTracks()[0];
    // The browser's own button, or the window is gone.
    if (track !== undefined) track.onended = () => void (display === this.stream && this.stop());
    if (this.isOurs()) return this.begin();
    try {
      await this.parts.ask({ type: 'ask_floor' });
    } catch (error) {
      const waits = error instanceof RefusalError && error.code === 'already_queued';
      if (!waits) return this.fail('failed');
    }
    // Events come before answers: the floor is what it is by now.
    this.asked = true;
    this.floorChanged(this.floor);
  }

  /** Ends it, and gives the floor back. */
  async stop(): Promise<void> {
    const holds = this.isOurs() || this.floor.queue.includes(this.parts.you);
    this.end({ state: 'off' });
    // Refused when somebody has taken it meanwhile, which is as well.
    if (holds) await this.parts.ask({ type: 'release_floor' }).catch(() => undefined);
  }

  floorChanged(floor: Floor): void {
    this.floor = floor;
    if (this.stream === undefined) return;
    const { you } = this.parts;
    if (floor.presenter === you) this.begin();
    else if (this.share !== undefined || (this.asked && !floor.queue.includes(you))) this.end({ state: 'off' });
  }

  /** There is a new welcome. */
  renew(): void {
    this.share?.access(this.parts.access());
  }

  close(): void {
    this.end({ state: 'off' });
  }

  private isOurs(): boolean {
    return this.floor.presenter === this.parts.you;
  }

  private async choose(): Promise<MediaStream | undefined> {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (media === undefined || !('getDisplayMedia' in media)) {
      this.fail('unsupported');
      return undefined;
    }
    try {
      return await media.getDisplayMedia(DISPLAY);
    } catch (error) {
      // A person who closes the dialog gives the same error as one who forbids it.
      const why = failureOf(error);
      this.fail(why === 'refused' ? 'cancelled' : why);
      return undefined;
    }
  }

  private begin(): void {
    const { stream } = this;
    if (stream === undefined || this.share !== undefined) return;
    const label = stream.getVideoTracks()[0]?.label ?? '';
    this.share = new ScreenShare(stream, this.parts.access(), {
      live: () => this.parts.state({ state: 'on', device: null, label }),
      ended: (refusal) => this.refused(refusal),
      tooLarge: () => this.failAndRelease('unsupported'),
    });
  }

  private refused(refusal: Refusal | undefined): void {
    // Somebody else presents now: the floor's event says so, too.
    if (refusal?.code === 'not_presenting') this.end({ state: 'off' });
    else this.failAndRelease('failed');
  }

  private failAndRelease(why: MediaFailure): void {
    void this.stop();
    this.parts.state({ state: 'failed', why });
  }

  private fail(why: MediaFailure): void {
    this.end({ state: 'failed', why });
  }

  private end(state: LocalDevice): void {
    this.share?.close();
    this.share = undefined;
    this.asked = false;
    stopTracks(this.stream);
    this.stream = undefined;
    this.parts.state(state);
  }
}
