/**
 * What travels on the data channel: a byte of kind, then the body of that media datagram as
 * docs/PROTOCOL.md has it.
 */

import type { Layer } from '../../../wire';
import { Reader, Writer } from './bytes';

/** The numbers of `datagram::Kind` that a data channel carries. */
export const Kind = { camera: 2, reRequest: 3, report: 4, probe: 5, echo: 6 } as const;

/** By their numbers in a fragment. */
export const LAYERS: readonly Layer[] = ['thumbnail', 'normal', 'large'];
/** Picture height in pixels. */
export const LAYER_HEIGHT_PX: Readonly<Record<Layer, number>> = { thumbnail: 180, normal: 360, large: 720 };

export const KIND_BYTES = 1;
const FRAGMENT_HEADER_BYTES = 18;
const CAMERA_BODY_BYTES_MAX = 1_150;
/** What one fragment carries of a picture. */
export const FRAGMENT_PAYLOAD_BYTES_MAX = CAMERA_BODY_BYTES_MAX - FRAGMENT_HEADER_BYTES;
/** One encoded camera frame. */
export const CAMERA_FRAME_BYTES_MAX = 1024 * 1024;
/** Fragments of one frame. */
export const FRAGMENTS_MAX = Math.ceil(CAMERA_FRAME_BYTES_MAX / FRAGMENT_PAYLOAD_BYTES_MAX);
/** Fragments named in one re-request. */
export const RE_REQUEST_INDICES_MAX = 64;
const CODEC_JPEG = 0;
const KEYFRAME = 1;

export interface Fragment {
  /** Whose camera; 0 in what is sent. */
  source: number;
  layer: Layer;
  keyframe: boolean;
  /** Rises by one a frame of a layer, wrapping at 32 bits. */
  frame: number;
  index: number;
  count: number;
  /** Milliseconds on the publisher's clock, wrapping at 32 bits. */
  capturedMs: number;
  payload: Uint8Array;
}

export interface ReRequest {
  source: number;
  layer: Layer;
  frame: number;
  /** At most `RE_REQUEST_INDICES_MAX`. */
  indices: number[];
}

/** What a receiver saw in one interval. */
export interface Report {
  intervalMs: number;
  queueingMs: number;
  cameraReceived: number;
  cameraLost: number;
  cameraBytes: number;
  voiceReceived: number;
  voiceLost: number;
  jitterUs: number;
  /** 0 when there was no probe. */
  roundTripUs: number;
}

export interface Probe {
  sentUs: number;
  /** 0 in a question. */
  roomClockUs: number;
}

export type ChannelMessage =
  | { kind: typeof Kind.camera; fragment: Fragment }
  | { kind: typeof Kind.reRequest; request: ReRequest }
  | { kind: typeof Kind.echo; probe: Probe };

/** What the server may send; `undefined` when it is not a message of the protocol. */
export function parseChannelMessage(message: Uint8Array): ChannelMessage | undefined {
  const body = message.subarray(KIND_BYTES);
  switch (message[0]) {
    case Kind.camera: {
      const fragment = parseFragment(body);
      return fragment && { kind: Kind.camera, fragment };
    }
    case Kind.reRequest: {
      const request = parseReRequest(body);
      return request && { kind: Kind.reRequest, request };
    }
    case Kind.echo: {
      const probe = parseProbe(body);
      return probe && { kind: Kind.echo, probe };
    }
    default:
      return undefined;
  }
}

export function parseFragment(body: Uint8Array): Fragment | undefined {
  // The last byte of the header and one of payload, so that every number below is there.
  if (body.byteLength > CAMERA_BODY_BYTES_MAX || body.byteLength <= FRAGMENT_HEADER_BYTES) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const bits = view.getUint8(4);
  const layer = LAYERS[bits & 0b1111];
  const index = view.getUint16(10);
  const count = view.getUint16(12);
  if (layer === undefined || bits >> 4 !== CODEC_JPEG || index >= count) return undefined;
  return {
    source: view.getUint32(0),
    layer,
    keyframe: (view.getUint8(5) & KEYFRAME) !== 0,
    frame: view.getUint32(6),
    index,
    count,
    capturedMs: view.getUint32(14),
    payload: body.subarray(FRAGMENT_HEADER_BYTES),
  };
}

export function fragmentMessage(fragment: Fragment): Uint8Array<ArrayBuffer> {
  return new Writer(KIND_BYTES + FRAGMENT_HEADER_BYTES + fragment.payload.byteLength)
    .u8(Kind.camera)
    .u32(fragment.source)
    .u8((CODEC_JPEG << 4) | LAYERS.indexOf(fragment.layer))
    .u8(fragment.keyframe ? KEYFRAME : 0)
    .u32(fragment.frame)
    .u16(fragment.index)
    .u16(fragment.count)
    .u32(fragment.capturedMs)
    .raw(fragment.payload).bytes;
}

export function parseReRequest(body: Uint8Array): ReRequest | undefined {
  const reader = new Reader(body);
  const source = reader.u32();
  const layer = LAYERS[reader.u8() ?? -1];
  const frame = reader.u32();
  const count = reader.u8();
  if (source === undefined || layer === undefined || frame === undefined || count === undefined) return undefined;
  if (count === 0 || count > RE_REQUEST_INDICES_MAX || reader.left !== 2 * count) return undefined;
  const indices: number[] = [];
  for (let index = reader.u16(); index !== undefined; index = reader.u16()) indices.push(index);
  return { source, layer, frame, indices };
}

export function reRequestMessage(request: ReRequest): Uint8Array<ArrayBuffer> {
  const indices = request.indices.slice(0, RE_REQUEST_INDICES_MAX);
  const writer = new Writer(KIND_BYTES + 4 + 1 + 4 + 1 + 2 * indices.length)
    .u8(Kind.reRequest)
    .u32(request.source)
    .u8(LAYERS.indexOf(request.layer))
    .u32(request.frame)
    .u8(indices.length);
  for (const index of indices) writer.u16(index);
  return writer.bytes;
}

export function reportMessage(report: Report): Uint8Array<ArrayBuffer> {
  return new Writer(KIND_BYTES + 32)
    .u8(Kind.report)
    .u16(Math.min(report.intervalMs, 0xffff))
    .u16(Math.min(report.queueingMs, 0xffff))
    .u32(report.cameraReceived)
    .u32(report.cameraLost)
    .u32(report.cameraBytes)
    .u32(report.voiceReceived)
    .u32(report.voiceLost)
    .u32(report.jitterUs)
    .u32(report.roundTripUs).bytes;
}

export function probeMessage(sentUs: number): Uint8Array<ArrayBuffer> {
  return new Writer(KIND_BYTES + 16).u8(Kind.probe).u64(sentUs).u64(0).bytes;
}

export function parseProbe(body: Uint8Array): Probe | undefined {
  const reader = new Reader(body);
  const sentUs = reader.u64();
  const roomClockUs = reader.u64();
  return sentUs === undefined || roomClockUs === undefined ? undefined : { sentUs, roomClockUs };
}

/** Cuts a frame into fragments, all but the last of them full. None when it is empty or too large. */
export function splitFrame(jpeg: Uint8Array, frame: number, layer: Layer, capturedMs: number): Fragment[] {
  if (jpeg.byteLength > CAMERA_FRAME_BYTES_MAX) return [];
  const count = Math.ceil(jpeg.byteLength / FRAGMENT_PAYLOAD_BYTES_MAX);
  return Array.from({ length: count }, (_, index) => ({
    source: 0,
    layer,
    keyframe: true,
    frame,
    index,
    count,
    capturedMs,
    payload: jpeg.subarray(index * FRAGMENT_PAYLOAD_BYTES_MAX, (index + 1) * FRAGMENT_PAYLOAD_BYTES_MAX),
  }));
}
