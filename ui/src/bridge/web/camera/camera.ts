/** Our camera: its light is on only while it is wanted. */

import { DeviceError, type LocalDevice } from '../../types';
import { openCamera, stopTracks } from '../capture';

export interface CameraEvents {
  /** What is seen now; nothing while it is off. */
  picture(stream: MediaStream | undefined): void;
  state(state: LocalDevice): void;
  /** It was unplugged, or taken away by the system. */
  gone(): void;
}

export class Camera {
  private stream: MediaStream | undefined;
  private on = false;
  private device: string | null;
  /** Rises with each opening: what was overtaken is closed again. */
  private opening = 0;

  constructor(
    device: string | null,
    private readonly events: CameraEvents,
  ) {
    this.device = device;
  }

  /** Says whether it is as it was asked for; why not is told as state. */
  async switch(on: boolean): Promise<boolean> {
    this.on = on;
    if (!on) {
      this.opening += 1;
      this.take(undefined);
      this.events.state({ state: 'off' });
      return true;
    }
    if (this.stream !== undefined) return true;
    this.events.state({ state: 'starting' });
    return this.open();
  }

  async choose(device: string | null): Promise<boolean> {
    this.device = device;
    return this.on ? this.open() : true;
  }

  /** It is off, and this is why. */
  fail(state: LocalDevice): void {
    this.on = false;
    this.opening += 1;
    this.take(undefined);
    this.events.state(state);
  }

  close(): void {
    this.on = false;
    this.opening += 1;
    this.take(undefined);
  }

  private async open(): Promise<boolean> {
    this.opening += 1;
    const { opening } = this;
    try {
      const stream = await openCamera(this.device);
      if (opening !== this.opening) {
        stopTracks(stream);
        return this.on;
      }
      const track = stream.getVideoTracks()[0];
      if (track !== undefined) track.onended = () => this.ended(stream);
      this.take(stream);
      const device = track?.getSettings().deviceId ?? null;
      this.events.state({ state: 'on', device, label: track?.label ?? '' });
      return true;
    } catch (error) {
      if (opening !== this.opening) return this.on;
      this.fail({ state: 'failed', why: error instanceof DeviceError ? error.why : 'failed' });
      return false;
    }
  }

  private ended(stream: MediaStream): void {
    if (stream !== this.stream) return;
    this.fail({ state: 'failed', why: 'unplugged' });
    this.events.gone();
  }

  private take(stream: MediaStream | undefined): void {
    const before = this.stream;
    this.stream = stream;
    if (before !== stream) this.events.picture(stream);
    stopTracks(before);
  }
}
