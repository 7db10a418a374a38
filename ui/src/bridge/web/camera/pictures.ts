/** Pictures of a video track, for browsers with streams of them and for those without. */

/** Chromium's, not yet in TypeScript's library (W3C, "MediaStreamTrack Insertable Media Processing"). */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
type TrackProcessorConstructor = new (init: { track: MediaStreamTrack }) => TrackProcessor;

declare global {
  // eslint-disable-next-line no-var
  var MediaStreamTrackProcessor: TrackProcessorConstructor | undefined;
}

/** A stream of the track's pictures that a worker can read; `undefined` where there is none. */
export function pictureStream(track: MediaStreamTrack): ReadableStream<VideoFrame> | undefined {
  if (globalThis.MediaStreamTrackProcessor === undefined) return undefined;
  try {
    return new globalThis.MediaStreamTrackProcessor({ track }).readable;
  } catch {
    return undefined;
  }
}

/** A video element that plays a track unseen, to take pictures from. */
export function playUnseen(stream: MediaStream): HTMLVideoElement {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  // Muted video may always play; if it does not, there is no picture, which is seen.
  video.play().catch(() => undefined);
  return video;
}
