/** Reports to the server four times a second, and figures for the person once a second. */

import type { CameraInterval } from '../camera/down';
import { probeMessage, reportMessage, type Probe } from '../protocol/datagram';
import { FiguresReader, NOTHING, type Reading } from './figures';

const REPORT_EVERY_MS = 250;
/** Reading a connection's figures costs a millisecond: once in so many reports. */
const READ_EVERY_REPORTS = 4;
/** Loss is taken over so many readings. */
const LOSS_READINGS = 5;

export interface Figures extends Reading {
  /** Of voice and cameras that should have come, in thousandths. */
  lossPermille: number | null;
}

export interface MeasuringEvents {
  send(message: Uint8Array<ArrayBuffer>): void;
  connection(): RTCPeerConnection | undefined;
  cameras(): CameraInterval;
  figures(figures: Figures): void;
}

interface Loss {
  received: number;
  lost: number;
}

export class Measuring {
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly reader = new FiguresReader();
  private reading: Reading = NOTHING;
  /** Of voice, since the last report that told of it. */
  private voice: Loss = { received: 0, lost: 0 };
  private cameras: Loss = { received: 0, lost: 0 };
  private losses: Loss[] = [];
  private reports = 0;
  private reportedMs = performance.now();
  private roundTripUs = 0;
  /** How much later than it should a timer of this page came: pictures waited in the page as long. */
  private lags: number[] = [];
  private dueMs = performance.now() + REPORT_EVERY_MS;
  /** The last report said that something came, so that one more is due even if nothing does. */
  private told = false;

  constructor(private readonly events: MeasuringEvents) {
    this.timer = setInterval(() => void this.tick(), REPORT_EVERY_MS);
  }

  echoed(probe: Probe): void {
    this.roundTripUs = Math.max(Math.round(performance.now() * 1_000 - probe.sentUs), 1);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    this.reports += 1;
    this.lags.push(Math.max(performance.now() - this.dueMs, 0));
    if (this.lags.length > READ_EVERY_REPORTS) this.lags.shift();
    this.dueMs = performance.now() + REPORT_EVERY_MS;
    if (this.reports % READ_EVERY_REPORTS === 0) {
      this.events.send(probeMessage(Math.round(performance.now() * 1_000)));
      await this.read();
    }
    this.report();
  }

  private async read(): Promise<void> {
    const connection = this.events.connection();
    this.reading = connection === undefined ? NOTHING : await this.reader.read(connection).catch(() => NOTHING);
    this.voice.received += this.reading.voiceReceived;
    this.voice.lost += this.reading.voiceLost;
    this.losses.push({
      received: this.reading.voiceReceived + this.cameras.received,
      lost: this.reading.voiceLost + this.cameras.lost,
    });
    if (this.losses.length > LOSS_READINGS) this.losses.shift();
    this.cameras = { received: 0, lost: 0 };
    this.events.figures({ ...this.reading, lossPermille: permille(this.losses) });
  }

  private report(): void {
    const nowMs = performance.now();
    const cameras = this.events.cameras();
    this.cameras.received += cameras.received;
    this.cameras.lost += cameras.lost;
    const news = cameras.received + cameras.lost + this.voice.received + this.voice.lost > 0;
    if (news || this.told) {
      const report = reportMessage({
        intervalMs: Math.round(nowMs - this.reportedMs),
        queueingMs: Math.max(Math.round(cameras.queueingMs - Math.max(...this.lags)), 0),
        cameraReceived: cameras.received,
        cameraLost: cameras.lost,
        cameraBytes: cameras.bytes,
        voiceReceived: this.voice.received,
        voiceLost: this.voice.lost,
        jitterUs: Math.round((this.reading.jitterMs ?? 0) * 1_000),
        roundTripUs: roundTrip(this.roundTripUs, this.reading.roundTripMs),
      });
      this.events.send(report);
    }
    this.told = news;
    this.roundTripUs = 0;
    this.voice = { received: 0, lost: 0 };
    this.reportedMs = nowMs;
  }
}

/**
 * The round trip to tell, in microseconds; 0 is none. An echo waits until the page has time for it, a check of the
 * browser's own does not, but is some seconds old: a page that is late is no slow link.
 */
export function roundTrip(echoUs: number, checkMs: number | null): number {
  if (echoUs === 0 || checkMs === null || checkMs === 0) return echoUs;
  return Math.max(Math.min(echoUs, Math.round(1_000 * checkMs)), 1);
}

/** Fragments that were lost and came after all are among the received ones. */
export function permille(losses: readonly Loss[]): number | null {
  const received = losses.reduce((sum, loss) => sum + loss.received, 0);
  const lost = losses.reduce((sum, loss) => sum + loss.lost, 0);
  return received + lost === 0 ? null : Math.min(Math.round((1_000 * lost) / (received + lost)), 1_000);
}
