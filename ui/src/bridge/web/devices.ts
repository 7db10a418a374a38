/** The devices of this machine: which there are, which were chosen, and trying them out before a meeting. */

import { DeviceError, type Device, type DeviceKind, type DevicePort, type Level, type Preview } from '../types';
import { FRAMES_PER_SECOND_MAX, layerSize } from './camera/encoding';
import { playUnseen } from './camera/pictures';
import { openCamera, openMicrophone, stopTracks } from './capture';
import { LAYER_HEIGHT_PX } from './protocol/datagram';
import { meterLevel } from './voice/level';
import { openMeter } from './voice/meter';

const KINDS: Readonly<Partial<Record<MediaDeviceKind, DeviceKind>>> = {
  audioinput: 'microphone',
  videoinput: 'camera',
  audiooutput: 'speaker',
};
const KEY = 'conclave.device.';
/** As others see us. */
const PREVIEW_EVERY_MS = 1_000 / FRAMES_PER_SECOND_MAX;
/** In a tile of this height half as much again would have to be made up of the smaller picture. */
const LARGE_FROM_PX = 1.5 * LAYER_HEIGHT_PX.normal;
const TONE = { hertz: 660, seconds: 0.6, gain: 0.15 } as const;

export const devices: DevicePort = {
  async list() {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    const found = (await media?.enumerateDevices()) ?? [];
    return found.flatMap(({ kind, deviceId, label }): Device[] => {
      const ours = KINDS[kind];
      // Before permission browsers give one nameless device of each kind.
      return ours === undefined || deviceId === '' ? [] : [{ kind: ours, id: deviceId, label }];
    });
  },

  onChange(changed) {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    media?.addEventListener('devicechange', changed);
    return () => media?.removeEventListener('devicechange', changed);
  },

  chosen(kind) {
    try {
      return localStorage.getItem(KEY + kind);
    } catch {
      return null;
    }
  },

  choose(kind, id) {
    try {
      if (id === null) localStorage.removeItem(KEY + kind);
      else localStorage.setItem(KEY + kind, id);
    } catch {
      // A browser that keeps nothing asks again next time.
    }
  },

  failing: () => null,

  async openPreview(camera, canvas) {
    const stream = await openCamera(camera);
    const stop = drawStream(stream, canvas);
    return closing(stream, stop);
  },

  async openMeter(microphone, level) {
    const stream = await openMicrophone(microphone);
    const stop = openMeter(stream, (db: number) => level(meterLevel(db) satisfies Level));
    return closing(stream, stop);
  },

  async echoBack({ microphone, speaker }, ms, phase) {
    if (typeof MediaRecorder === 'undefined') throw new DeviceError('unsupported');
    const stream = await openMicrophone(microphone);
    try {
      phase('recording');
      const recorded = await record(stream, ms);
      phase('playing');
      await playBlob(recorded, speaker);
    } finally {
      stopTracks(stream);
    }
  },

  async playTone(speaker) {
    const context = new AudioContext();
    const sink = context.createMediaStreamDestination();
    const gain = new GainNode(context, { gain: TONE.gain });
    const tone = new OscillatorNode(context, { frequency: TONE.hertz });
    tone.connect(gain).connect(sink);
    const element = new Audio();
    element.srcObject = sink.stream;
    await chooseSink(element, speaker);
    tone.start();
    tone.stop(context.currentTime + TONE.seconds);
    const ended = new Promise((done) => tone.addEventListener('ended', done));
    await element.play();
    await ended;
    await context.close();
  },
};

function closing(stream: MediaStream, stop: () => void): Preview {
  return {
    close() {
      stop();
      stopTracks(stream);
    },
  };
}

/**
 * Draws a stream's pictures into a canvas until the returned function is called, as large as the layer that others
 * would get for a tile of that size: in a camera's full size it may cost more than sending it.
 */
export function drawStream(stream: MediaStream, canvas: HTMLCanvasElement): () => void {
  const video = playUnseen(stream);
  let drawnSeconds = -1;
  const timer = setInterval(() => {
    if (video.videoWidth === 0 || document.hidden || video.currentTime === drawnSeconds) return;
    drawnSeconds = video.currentTime;
    const isLarge = canvas.clientHeight * devicePixelRatio > LARGE_FROM_PX;
    const { width, height } = layerSize(video.videoWidth, video.videoHeight, isLarge ? 'large' : 'normal');
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    canvas.getContext('2d', { alpha: false })?.drawImage(video, 0, 0, width, height);
  }, PREVIEW_EVERY_MS);
  return () => {
    clearInterval(timer);
    video.srcObject = null;
  };
}

function record(stream: MediaStream, ms: number): Promise<Blob> {
  const recorder = new MediaRecorder(stream);
  const pieces: Blob[] = [];
  return new Promise((done, failed) => {
    recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
    recorder.addEventListener('stop', () => done(new Blob(pieces, { type: recorder.mimeType })));
    recorder.addEventListener('error', () => failed(new DeviceError('failed')));
    recorder.start();
    setTimeout(() => recorder.stop(), ms);
  });
}

async function playBlob(blob: Blob, speaker: string | null): Promise<void> {
  const url = URL.createObjectURL(blob);
  try {
    const element = new Audio(url);
    await chooseSink(element, speaker);
    const ended = new Promise<void>((done, failed) => {
      element.addEventListener('ended', () => done());
      element.addEventListener('error', () => failed(new DeviceError('failed')));
    });
    await element.play();
    await ended;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The system's choice when the chosen one is gone or a page may not choose. */
async function chooseSink(element: HTMLAudioElement, speaker: string | null): Promise<void> {
  if (speaker === null || !('setSinkId' in element)) return;
  await element.setSinkId(speaker).catch(() => undefined);
}
