/** What the browser measures of a connection, second by second. */

/** Counters since the connection began. */
interface Counters {
  voiceReceived: number;
  voiceLost: number;
  bytesReceived: number;
  bytesSent: number;
  atMs: number;
}

/** Of the time since the reading before. */
export interface Reading {
  voiceReceived: number;
  voiceLost: number;
  jitterMs: number | null;
  roundTripMs: number | null;
  receiveKbps: number;
  sendKbps: number;
  path: 'udp' | 'tcp' | 'none';
}

export const NOTHING: Reading = {
  voiceReceived: 0,
  voiceLost: 0,
  jitterMs: null,
  roundTripMs: null,
  receiveKbps: 0,
  sendKbps: 0,
  path: 'none',
};

/** The fields of the standard's reports that are read (W3C, "Identifiers for WebRTC's Statistics API"). */
interface AnyStats {
  id: string;
  type: string;
  kind?: string;
  packetsReceived?: number;
  packetsLost?: number;
  jitter?: number;
  selectedCandidatePairId?: string;
  localCandidateId?: string;
  currentRoundTripTime?: number;
  bytesReceived?: number;
  bytesSent?: number;
  protocol?: string;
  nominated?: boolean;
  state?: string;
}

/** Reads a connection's statistics and says what they are since the last time. */
export class FiguresReader {
  private before: Counters | undefined;
  private of: RTCPeerConnection | undefined;

  async read(connection: RTCPeerConnection): Promise<Reading> {
    const stats = [...(await connection.getStats()).values()] as AnyStats[];
    if (this.of !== connection) {
      this.of = connection;
      this.before = undefined;
    }
    const voice = stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'audio');
    const transport = stats.find((entry) => entry.type === 'transport');
    const pair = stats.find((entry) =>
      transport?.selectedCandidatePairId === undefined
        ? entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded'
        : entry.id === transport.selectedCandidatePairId,
    );
    const local = stats.find((entry) => entry.id === pair?.localCandidateId);
    const now: Counters = {
      voiceReceived: voice?.packetsReceived ?? 0,
      voiceLost: voice?.packetsLost ?? 0,
      bytesReceived: pair?.bytesReceived ?? 0,
      bytesSent: pair?.bytesSent ?? 0,
      atMs: performance.now(),
    };
    const before = this.before ?? { ...now, voiceReceived: 0, voiceLost: 0 };
    this.before = now;
    const ms = now.atMs - before.atMs;
    // Bits in a millisecond are kilobits in a second.
    const kbps = (bytes: number): number => (ms > 0 ? Math.round((8 * Math.max(bytes, 0)) / ms) : 0);
    return {
      voiceReceived: Math.max(now.voiceReceived - before.voiceReceived, 0),
      // Late packets that come after all make the counter go back.
      voiceLost: Math.max(now.voiceLost - before.voiceLost, 0),
      jitterMs: voice?.jitter === undefined ? null : voice.jitter * 1_000,
      roundTripMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1_000,
      receiveKbps: kbps(now.bytesReceived - before.bytesReceived),
      sendKbps: kbps(now.bytesSent - before.bytesSent),
      path: local?.protocol === 'tcp' ? 'tcp' : 'udp',
    };
  }
}
