/**
 * What is ours: microphone, camera, sound. The room is told what is switched on, and what the room says is
 * heeded: a host who mutes us has muted us.
 */

import type { Command, MediaState, Reply } from '../../../wire';
import { RefusalError, type DeviceKind, type LocalDevice, type LocalMedia } from '../../types';
import { Camera } from '../camera/camera';
import { devices } from '../devices';
import { TalkDetector, meterLevel } from '../voice/level';
import { Microphone } from '../voice/microphone';
import { Speaker } from '../voice/speaker';

export interface OursEvents {
  /** What speaks now; null is nobody. */
  voice(track: MediaStreamTrack | null): void;
  picture(stream: MediaStream | undefined): void;
  changed(media: LocalMedia): void;
}

/** A meter shows no smaller steps than this. */
const LEVEL_STEP = 0.01;

export class OurMedia {
  readonly speaker: Speaker;
  private media: LocalMedia;
  private readonly microphone: Microphone;
  private readonly camera: Camera;
  private readonly talk = new TalkDetector();
  /** What the room has of us. */
  private known: MediaState;
  /** `set_media` that are not answered. */
  private asking = 0;

  constructor(
    sound: boolean,
    private readonly ask: (command: Command) => Promise<Reply>,
    private readonly events: OursEvents,
  ) {
    this.known = { microphone: false, camera: false, sound };
    this.media = {
      microphone: { state: 'off' },
      camera: { state: 'off' },
      screen: { state: 'off' },
      sound,
      level: 0,
      talkingWhileMuted: false,
      soundBlocked: false,
      send: 'auto',
      publishing: [],
    };
    this.microphone = new Microphone(devices.chosen('microphone'), {
      voice: (track) => events.voice(track),
      state: (microphone) => this.change({ microphone }),
      loudness: (db) => this.loudness(db),
    });
    this.camera = new Camera(devices.chosen('camera'), {
      picture: (stream) => events.picture(stream),
      state: (camera) => this.change({ camera }),
      gone: () => void this.tellRoom(),
    });
    this.speaker = new Speaker((soundBlocked) => this.change({ soundBlocked }));
    this.speaker.sound(sound);
    this.speaker.choose(devices.chosen('speaker')).catch(() => undefined);
  }

  get now(): LocalMedia {
    return this.media;
  }

  async setMicrophone(on: boolean): Promise<void> {
    await this.microphone.switch(on);
    await this.tellRoom();
  }

  async setCamera(on: boolean): Promise<void> {
    await this.camera.switch(on);
    await this.tellRoom();
  }

  async setSound(on: boolean): Promise<void> {
    this.speaker.sound(on);
    this.change({ sound: on });
    await this.tellRoom();
  }

  async chooseDevice(kind: DeviceKind, id: string | null): Promise<void> {
    devices.choose(kind, id);
    switch (kind) {
      case 'microphone':
        await this.microphone.choose(id);
        break;
      case 'camera':
        await this.camera.choose(id);
        break;
      case 'speaker':
        // A speaker that is gone leaves the sound where it is.
        return this.speaker.choose(id).catch(() => undefined);
    }
    await this.tellRoom();
  }

  /** The room has been opened anew and knows nothing of us. */
  forgotten(known: MediaState): void {
    this.known = known;
    void this.tellRoom();
  }

  /** The room says what we have switched on. */
  heard(known: MediaState): void {
    this.known = known;
    this.settle();
  }

  change(change: Partial<LocalMedia>): void {
    this.media = { ...this.media, ...change };
    this.events.changed(this.media);
  }

  close(): void {
    this.microphone.close();
    this.camera.close();
    this.speaker.close();
  }

  /** Tells the room what is on, if it is something else than it has. */
  private async tellRoom(): Promise<void> {
    const media = {
      microphone: isOn(this.media.microphone),
      camera: isOn(this.media.camera),
      sound: this.media.sound,
    };
    if (this.asking === 0 && isSame(media, this.known)) return;
    this.asking += 1;
    try {
      await this.ask({ type: 'set_media', payload: { media } });
    } catch (error) {
      this.refused(error, media);
    } finally {
      this.asking -= 1;
      this.settle();
    }
  }

  private refused(error: unknown, media: MediaState): void {
    // A lost meeting ends what is on by itself.
    if (!(error instanceof RefusalError) || error.code === 'seat_unknown') return;
    const why = error.code === 'muted_by_host' ? 'muted_by_host' : 'failed';
    if (media.microphone && !this.known.microphone) this.microphone.fail({ state: 'failed', why });
    if (media.camera && !this.known.camera) this.camera.fail({ state: 'failed', why: 'failed' });
  }

  /** What the room has switched off is off. Its events come before the answer to what we asked for. */
  private settle(): void {
    if (this.asking > 0) return;
    if (isOn(this.media.microphone) && !this.known.microphone) {
      this.microphone.fail({ state: 'failed', why: 'muted_by_host' });
    }
    if (isOn(this.media.camera) && !this.known.camera) this.camera.fail({ state: 'off' });
  }

  private loudness(db: number): void {
    const talks = this.talk.heard(db, performance.now());
    const talkingWhileMuted = talks && !isOn(this.media.microphone);
    const level = meterLevel(db);
    const moved = Math.abs(level - this.media.level) >= LEVEL_STEP;
    if (moved || talkingWhileMuted !== this.media.talkingWhileMuted) this.change({ level, talkingWhileMuted });
  }
}

function isOn(device: LocalDevice): boolean {
  return device.state === 'on';
}

function isSame(a: MediaState, b: MediaState): boolean {
  return a.microphone === b.microphone && a.camera === b.camera && a.sound === b.sound;
}
