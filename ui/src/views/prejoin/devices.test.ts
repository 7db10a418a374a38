// @vitest-environment happy-dom
import { flushSync } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DeviceError, type DevicePort, type MediaFailure } from '../../bridge/types';
import { text } from '../../text/en';
import { show } from '../testing';
import EchoTest from './EchoTest.svelte';
import Microphone from './Microphone.svelte';
import Preview from './Preview.svelte';

const devices = vi.hoisted(() => ({
  openPreview: vi.fn<DevicePort['openPreview']>(),
  openMeter: vi.fn<DevicePort['openMeter']>(),
  echoBack: vi.fn<DevicePort['echoBack']>(),
}));
vi.mock('#bridge', () => ({ bridge: { devices } }));

/** What the desktop program says, by the kinds of failure that it knows. */
const SAID: [MediaFailure, string][] = [
  ['none', 'This machine has no sound: no sound server answers. Start PipeWire or PulseAudio, or connect a headset.'],
  ['none', 'No camera was found. Connect one, or choose the test picture.'],
  ['refused', 'The system does not let this program use Webcam. Allow it in the system’s privacy settings.'],
  ['busy', 'Webcam is used by another program. Close that one, or choose another device.'],
  ['failed', 'Webcam gives no pictures that can be read. Unplug it and plug it in, or choose another camera.'],
];
const BROWSERS: MediaFailure[] = ['refused', 'none', 'busy', 'unsupported', 'failed'];

/** Only ends a test that would fail anyway. */
const LATE = { timeout: 30_000 };

let hide: () => void = () => undefined;
afterEach(() => {
  hide();
  document.body.replaceChildren();
});

function said(): string[] {
  flushSync();
  return [...document.querySelectorAll('[role="alert"]')].map((alert) => alert.textContent.replace(/\s+/gu, ' ').trim());
}

const props = { on: true, possible: true, device: '', failing: null, onchange: () => undefined, onopened: () => undefined };
const opened: Record<string, () => void> = {
  microphone: () => (hide = show(Microphone, props)),
  camera: () => (hide = show(Preview, { ...props, name: 'Ada' })),
  sound() {
    hide = show(EchoTest, { microphone: '', speaker: '' });
    document.querySelector('button')?.click();
  },
};

function rejectWith(error: Error): void {
  for (const open of [devices.openMeter, devices.openPreview, devices.echoBack]) open.mockRejectedValue(error);
}

describe.each(['microphone', 'camera', 'sound'] as const)('a failure before the door: %s', (kind) => {
  it.each(SAID)('%s is told in the words of the program: %s', async (why, sentence) => {
    rejectWith(new DeviceError(why, sentence));
    opened[kind]?.();
    await vi.waitFor(() => expect(said()).toEqual([expect.stringContaining(sentence)]), LATE);
    expect(said()[0]).not.toMatch(/browser|address/iu);
  });

  it.each(BROWSERS)('%s is told in words for a browser, which says nothing', async (why) => {
    rejectWith(new DeviceError(why));
    opened[kind]?.();
    await vi.waitFor(() => expect(said()).toEqual([expect.stringContaining(`${text.mediaFailed.title[kind]} ${text.mediaFailed.why[why]}`)]), LATE);
  });
});
