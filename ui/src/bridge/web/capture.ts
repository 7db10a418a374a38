/** Opening microphones and cameras, and why it fails. */

import { DeviceError, type MediaFailure } from '../types';

/** What a camera is asked for; it gives what it has nearest to this. */
const CAMERA = { width: { ideal: 1_280 }, height: { ideal: 720 }, frameRate: { ideal: 15, max: 30 } };
/** Echo, noise and level are the browser's to mend. */
const MICROPHONE = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: { ideal: 1 },
};

/** Rejects with `DeviceError`. A device that is gone is replaced by the system's choice. */
export function openMicrophone(device: string | null): Promise<MediaStream> {
  return open(device, (deviceId) => ({ audio: { ...MICROPHONE, ...deviceId } }));
}

/** As `openMicrophone`. */
export function openCamera(device: string | null): Promise<MediaStream> {
  return open(device, (deviceId) => ({ video: { ...CAMERA, ...deviceId } }));
}

type Chosen = { deviceId?: { exact: string } };

async function open(
  device: string | null,
  constraints: (chosen: Chosen) => MediaStreamConstraints,
): Promise<MediaStream> {
  // Old browsers and pages without TLS have none of it.
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined) throw new DeviceError('unsupported');
  const chosen: Chosen = device === null ? {} : { deviceId: { exact: device } };
  try {
    return await media.getUserMedia(constraints(chosen));
  } catch (error) {
    const why = failureOf(error);
    const gone = device !== null && why === 'none';
    if (gone) return open(null, constraints);
    throw new DeviceError(why);
  }
}

/** W3C, "Media Capture and Streams" section 10.2, and what browsers call it. */
export function failureOf(error: unknown): MediaFailure {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'TypeError':
    case 'NotSupportedError':
      return 'unsupported';
    default:
      return 'failed';
  }
}

/** Whoever waited for their end is let go of: browsers keep tracks for longer than a meeting. */
export function stopTracks(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}
