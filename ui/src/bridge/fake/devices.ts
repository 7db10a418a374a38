/** Devices that do not exist, and do what is asked of them. */

import type { Device, DeviceKind, DevicePort, Level, Preview } from '../types';
import { drawCamera } from './pictures';

const DEVICES: readonly Device[] = [
  { kind: 'microphone', id: 'mic-1', label: 'Built-in microphone' },
  { kind: 'microphone', id: 'mic-2', label: 'Headset' },
  { kind: 'camera', id: 'cam-1', label: 'Built-in camera' },
  { kind: 'speaker', id: 'spk-1', label: 'Built-in speakers' },
  { kind: 'speaker', id: 'spk-2', label: 'Headset' },
];
const LEVELS_PER_SECOND = 15;
const TONE_MS = 400;

const chosen = new Map<DeviceKind, string | null>();

export const devices: DevicePort = {
  list: () => Promise.resolve([...DEVICES]),
  onChange: () => () => undefined,
  chosen: (kind) => chosen.get(kind) ?? null,
  choose: (kind, id) => void chosen.set(kind, id),
  failing: () => null,
  openPreview: (_camera, canvas) => Promise.resolve({ close: drawCamera(canvas, 7, false) }),
  openMeter: (_microphone, level) => Promise.resolve(meter(level)),
  async echoBack(_choice, ms, phase) {
    phase('recording');
    await pause(ms);
    phase('playing');
    await pause(ms);
  },
  playTone: () => pause(TONE_MS),
};

export function labelOf(kind: DeviceKind): { device: string | null; label: string } {
  const id = chosen.get(kind) ?? null;
  const device = DEVICES.find((one) => one.kind === kind && (id === null || one.id === id));
  return { device: id, label: device?.label ?? '' };
}

/** Somebody who speaks in sentences. */
export function speech(seconds: number, seed: number): Level {
  const sentence = Math.sin(seconds * 0.7 + seed) > -0.3 ? 1 : 0.05;
  return sentence * (0.35 + 0.25 * Math.abs(Math.sin(seconds * 5.3 + seed)) + 0.1 * Math.abs(Math.sin(seconds * 13.7)));
}

/** Waits, but no longer than somebody wants to. */
export function pause(ms: number, giveUp?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    giveUp?.addEventListener('abort', () => resolve(), { once: true });
  });
}

function meter(level: (level: Level) => void): Preview {
  const began = performance.now();
  const timer = setInterval(() => level(speech((performance.now() - began) / 1_000, 0)), 1_000 / LEVELS_PER_SECOND);
  return { close: () => clearInterval(timer) };
}
