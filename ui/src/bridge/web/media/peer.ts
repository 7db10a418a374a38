/**
 * One WebRTC connection to the server: one audio line both ways, and the data channel that carries
 * cameras. The server is ICE-lite and its answer has all candidates, so nothing trickles.
 */

/** As both ends have it; neither is negotiated. */
const CHANNEL = { label: 'camera', id: 1 } as const;
/** A connection that is not there by then is given up. */
const CONNECT_DEADLINE_MS = 10_000;
/** A broken connection may come back by itself within this. */
const DISCONNECTED_MAX_MS = 3_000;
/** What may wait in the channel; more means that the network does not take it, and it is late already. */
export const CHANNEL_BUFFERED_BYTES_MAX = 256 * 1024;

export interface PeerEvents {
  /** Sound and pictures can travel. */
  connected(sound: MediaStream): void;
  message(message: Uint8Array): void;
  /** It will not work any more; told once. */
  failed(): void;
}

/** What became of a message. */
export type Sent = 'sent' | 'full' | 'no_way';

export class Peer {
  readonly connection: RTCPeerConnection;
  private readonly channel: RTCDataChannel;
  private readonly sender: RTCRtpSender;
  private readonly sound = new MediaStream();
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private isOpen = false;
  private over = false;

  constructor(
    private readonly offer: (sdp: string) => Promise<string>,
    private readonly events: PeerEvents,
  ) {
    this.connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.sender = this.connection.addTransceiver('audio', { direction: 'sendrecv' }).sender;
    this.channel = this.connection.createDataChannel(CHANNEL.label, {
      ordered: false,
      maxRetransmits: 0,
      negotiated: true,
      id: CHANNEL.id,
    });
    this.channel.binaryType = 'arraybuffer';
    this.channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer && !this.over) events.message(new Uint8Array(data));
    });
    this.connection.addEventListener('track', ({ track }) => this.sound.addTrack(track));
    this.connection.addEventListener('connectionstatechange', () => this.stateChanged());
  }

  /** Connects; what comes of it is told by the events. `voice` is what is sent from the start. */
  async start(voice: MediaStreamTrack | null): Promise<void> {
    this.expect(CONNECT_DEADLINE_MS);
    try {
      await this.sender.replaceTrack(voice);
      await this.connection.setLocalDescription(await this.connection.createOffer());
      const sdp = this.connection.localDescription?.sdp ?? '';
      const answer = await this.offer(sdp);
      if (!this.over) await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch {
      // Refused by the server, lost with the link, or not understood: all are answered alike.
      this.fail();
    }
  }

  /** Puts another voice on the line, or none. */
  async speak(voice: MediaStreamTrack | null): Promise<void> {
    if (!this.over) await this.sender.replaceTrack(voice);
  }

  send(message: Uint8Array<ArrayBuffer>): Sent {
    if (this.over || this.channel.readyState !== 'open') return 'no_way';
    if (this.channel.bufferedAmount > CHANNEL_BUFFERED_BYTES_MAX) return 'full';
    try {
      this.channel.send(message);
      return 'sent';
    } catch {
      // The browser's own limit of what may wait.
      return 'full';
    }
  }

  close(): void {
    this.over = true;
    clearTimeout(this.deadline);
    this.connection.close();
  }

  private stateChanged(): void {
    if (this.over) return;
    switch (this.connection.connectionState) {
      case 'connected':
        clearTimeout(this.deadline);
        if (!this.isOpen) {
          this.isOpen = true;
          this.events.connected(this.sound);
        }
        break;
      case 'disconnected':
        this.expect(DISCONNECTED_MAX_MS);
        break;
      case 'failed':
      case 'closed':
        this.fail();
        break;
      default:
        break;
    }
  }

  /** It must be connected by then. */
  private expect(withinMs: number): void {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.fail(), withinMs);
  }

  private fail(): void {
    if (this.over) return;
    this.close();
    this.events.failed();
  }
}
