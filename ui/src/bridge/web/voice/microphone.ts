/** Our microphone: open while it is wanted, metered, and found again when it is unplugged. */

import { DeviceError, type LocalDevice } from '../../types';
import { openMicrophone, stopTracks } from '../capture';
import { openMeter } from './meter';

export interface MicrophoneEvents {
  /** What speaks now; null is nobody. */
  voice(track: MediaStreamTrack | null): void;
  state(state: LocalDevice): void;
  /** dB below full scale, about 15 times a second while it is open. */
  loudness(db: number): void;
}

/**
 * Once opened it stays open while it is off, so that talking into it can be told and coming back takes no
 * time; nothing of it leaves the page meanwhile.
 */
export class Microphone {
  private stream: MediaStream | undefined;
  private closeMeter: (() => void) | undefined;
  private on = false;
  private device: string | null;
  /** Rises with each opening: what was overtaken is closed again. */
  private opening = 0;

  constructor(
    device: string | null,
    private readonly events: MicrophoneEvents,
  ) {
    this.device = device;
  }

  /** Says whether it is as it was asked for; why not is told as state. */
  async switch(on: boolean): Promise<boolean> {
    this.on = on;
    if (!on) {
      this.events.voice(null);
      this.events.state({ state: 'off' });
      return true;
    }
    if (this.track() !== undefined) {
      this.tellOn();
      return true;
    }
    this.events.state({ state: 'starting' });
    return this.open();
  }

  /** Another device; while it is on there is no gap. */
  async choose(device: string | null): Promise<boolean> {
    this.device = device;
    if (this.stream === undefined) return true;
    return this.open();
  }

  /** It is off, and this is why. */
  fail(state: LocalDevice): void {
    this.on = false;
    this.events.voice(null);
    this.events.state(state);
  }

  close(): void {
    this.opening += 1;
    this.on = false;
    this.drop();
  }

  private async open(): Promise<boolean> {
    this.opening += 1;
    const { opening } = this;
    try {
      const stream = await openMicrophone(this.device);
      if (opening !== this.opening) {
        stopTracks(stream);
        return this.on;
      }
      this.take(stream);
      return this.on;
    } catch (error) {
      if (opening !== this.opening) return this.on;
      this.drop();
      this.fail({ state: 'failed', why: error instanceof DeviceError ? error.why : 'failed' });
      return false;
    }
  }

  private take(stream: MediaStream): void {
    const before = this.stream;
    this.closeMeter?.();
    this.stream = stream;
    this.closeMeter = openMeter(stream, (db) => this.events.loudness(db));
    const track = this.track();
    if (track !== undefined) track.onended = () => void this.ended(stream);
    if (this.on) this.tellOn();
    stopTracks(before);
  }

  /** Unplugged: the system's choice takes its place, if there is one. */
  private async ended(stream: MediaStream): Promise<void> {
    if (stream !== this.stream) return;
    this.drop();
    if (!this.on) return;
    this.events.voice(null);
    this.events.state({ state: 'starting' });
    const before = this.device;
    this.device = null;
    const found = await this.open();
    this.device = before;
    if (!found) this.fail({ state: 'failed', why: 'unplugged' });
  }

  private tellOn(): void {
    const track = this.track();
    if (track === undefined) return;
    this.events.voice(track);
    this.events.state({ state: 'on', device: track.getSettings().deviceId ?? null, label: track.label });
  }

  private track(): MediaStreamTrack | undefined {
    const track = this.stream?.getAudioTracks()[0];
    return track?.readyState === 'live' ? track : undefined;
  }

  private drop(): void {
    this.closeMeter?.();
    this.closeMeter = undefined;
    stopTracks(this.stream);
    this.stream = undefined;
  }
}
