/**
 * How media travel: one peer after the other. A new link or a failure brings a new peer, and the old one
 * serves until the new one is connected.
 */

import { Backoff } from '../link/backoff';
import { Peer, type Sent } from './peer';

/** The first wait after a failure is at least this: an offer costs the server keys and a handshake. */
const RETRY_MS_MIN = 500;

export interface PathEvents {
  /** A peer is connected: play this from now on. */
  sound(stream: MediaStream): void;
  message(message: Uint8Array): void;
}

/** Some browsers, and some people's settings, have no WebRTC: the meeting goes on without sound and cameras. */
export function canConnect(): boolean {
  return typeof RTCPeerConnection !== 'undefined';
}

export class MediaPath {
  private current: Peer | undefined;
  private coming: Peer | undefined;
  private voice: MediaStreamTrack | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly backoff = new Backoff();
  private closed = false;

  /** `offer` goes over the control link. */
  constructor(
    private readonly offer: (sdp: string) => Promise<string>,
    private readonly events: PathEvents,
  ) {}

  /** There is a new control link, and with it a new session. */
  renew(): void {
    clearTimeout(this.retryTimer);
    this.coming?.close();
    if (this.closed || !canConnect()) return;
    const peer: Peer = new Peer(this.offer, {
      connected: (sound) => this.connected(peer, sound),
      message: (message) => this.events.message(message),
      failed: () => this.failed(peer),
    });
    this.coming = peer;
    void peer.start(this.voice);
  }

  /** What is heard of us from now on; null is silence. */
  async speak(voice: MediaStreamTrack | null): Promise<void> {
    this.voice = voice;
    await Promise.all([this.current?.speak(voice), this.coming?.speak(voice)]);
  }

  send(message: Uint8Array<ArrayBuffer>): Sent {
    return this.current?.send(message) ?? 'no_way';
  }

  /** `undefined` while there is no connection. */
  get connection(): RTCPeerConnection | undefined {
    return this.current?.connection;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retryTimer);
    this.coming?.close();
    this.current?.close();
    this.coming = undefined;
    this.current = undefined;
  }

  private connected(peer: Peer, sound: MediaStream): void {
    this.backoff.succeeded();
    this.current?.close();
    this.current = peer;
    this.coming = undefined;
    // The microphone may have changed while the peer was coming.
    void peer.speak(this.voice);
    this.events.sound(sound);
  }

  private failed(peer: Peer): void {
    if (peer === this.current) {
      this.current = undefined;
      // One that is coming takes its place; otherwise another is made.
      if (this.coming === undefined) this.renew();
    } else if (peer === this.coming) {
      this.coming = undefined;
      const waitMs = RETRY_MS_MIN + this.backoff.nextWaitMs(Math.random()) * this.backoff.attempts;
      this.retryTimer = setTimeout(() => this.renew(), waitMs);
    }
  }
}
