/** What travels on the screen link, one message a binary frame (docs/PROTOCOL.md, "Screen link"). */

import { Reader, Writer } from './bytes';

/** Side of a tile in pixels. */
export const TILE_PX = 64;
/** Widest and highest screen, in pixels. */
export const SCREEN_SIDE_PX_MAX = 15_360;
/** Pixels of a screen in all. */
export const SCREEN_PIXELS_MAX = 2 * 7_680 * 4_320;
/** One message. */
export const SCREEN_MESSAGE_BYTES_MAX = 64 * 1024;
const RUN_HEADER_BYTES = 12;
/** What a run's picture may weigh. */
export const RUN_BYTES_MAX = SCREEN_MESSAGE_BYTES_MAX - RUN_HEADER_BYTES;

export type RunCodec = 'jpeg' | 'png';

/** Adjacent tiles of one row in one picture; positions and width in tiles. */
export interface Run {
  generation: number;
  x: number;
  y: number;
  width: number;
  codec: RunCodec;
  picture: Uint8Array<ArrayBuffer>;
}

export type ScreenMessage =
  | { type: 'start'; widthPx: number; heightPx: number }
  | { type: 'run'; run: Run }
  | { type: 'frameEnd'; generation: number; capturedMs: number }
  | { type: 'pointer'; at: { x: number; y: number } | undefined }
  | { type: 'stop' }
  | { type: 'ack'; bytes: number }
  | { type: 'pace'; intervalMs: number }
  | { type: 'refresh' };

const START = 1;
const RUN = 2;
const FRAME_END = 3;
const POINTER = 4;
const STOP = 5;
const ACK = 6;
const PACE = 7;
const REFRESH = 8;

export function screenMessage(message: ScreenMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case 'start':
      return new Writer(5).u8(START).u16(message.widthPx).u16(message.heightPx).bytes;
    case 'run': {
      const { generation, x, y, width, codec, picture } = message.run;
      const writer = new Writer(RUN_HEADER_BYTES + picture.byteLength).u8(RUN).u32(generation);
      return writer.u16(x).u16(y).u16(width).u8(codec === 'jpeg' ? 0 : 1).raw(picture).bytes;
    }
    case 'frameEnd':
      return new Writer(9).u8(FRAME_END).u32(message.generation).u32(message.capturedMs).bytes;
    case 'pointer': {
      const { x, y } = message.at ?? { x: 0, y: 0 };
      return new Writer(6).u8(POINTER).u8(message.at ? 1 : 0).u16(x).u16(y).bytes;
    }
    case 'stop':
      return new Writer(1).u8(STOP).bytes;
    case 'ack':
      return new Writer(5).u8(ACK).u32(message.bytes).bytes;
    case 'pace':
      return new Writer(3).u8(PACE).u16(message.intervalMs).bytes;
    case 'refresh':
      return new Writer(1).u8(REFRESH).bytes;
  }
}

/** `undefined` when it is not a message of the protocol. */
export function parseScreenMessage(bytes: Uint8Array<ArrayBuffer>): ScreenMessage | undefined {
  if (bytes.byteLength > SCREEN_MESSAGE_BYTES_MAX) return undefined;
  const reader = new Reader(bytes);
  const parsed = parseByType(reader, bytes);
  return reader.left === 0 ? parsed : undefined;
}

function parseByType(reader: Reader, bytes: Uint8Array<ArrayBuffer>): ScreenMessage | undefined {
  switch (reader.u8()) {
    case START: {
      const widthPx = reader.u16();
      const heightPx = reader.u16();
      return isSide(widthPx) && isSide(heightPx) ? { type: 'start', widthPx, heightPx } : undefined;
    }
    case RUN: {
      const run = parseRun(reader, bytes);
      return run && { type: 'run', run };
    }
    case FRAME_END: {
      const generation = reader.u32();
      const capturedMs = reader.u32();
      return generation === undefined || capturedMs === undefined
        ? undefined
        : { type: 'frameEnd', generation, capturedMs };
    }
    case POINTER: {
      const visible = reader.u8();
      const x = reader.u16();
      const y = reader.u16();
      if (x === undefined || y === undefined) return undefined;
      return { type: 'pointer', at: visible === 0 ? undefined : { x, y } };
    }
    case STOP:
      return { type: 'stop' };
    case ACK: {
      const acknowledged = reader.u32();
      return acknowledged === undefined ? undefined : { type: 'ack', bytes: acknowledged };
    }
    case PACE: {
      const intervalMs = reader.u16();
      return intervalMs === undefined ? undefined : { type: 'pace', intervalMs };
    }
    case REFRESH:
      return { type: 'refresh' };
    default:
      return undefined;
  }
}

function parseRun(reader: Reader, bytes: Uint8Array<ArrayBuffer>): Run | undefined {
  const generation = reader.u32();
  const x = reader.u16();
  const y = reader.u16();
  const width = reader.u16();
  const codec = reader.u8();
  if (generation === undefined || x === undefined || y === undefined || width === undefined) return undefined;
  if (codec === undefined || codec > 1) return undefined;
  const picture = bytes.subarray(bytes.byteLength - reader.left);
  reader.rest();
  if (width === 0 || x + width > 0xffff || picture.byteLength === 0) return undefined;
  return { generation, x, y, width, codec: codec === 0 ? 'jpeg' : 'png', picture };
}

function isSide(px: number | undefined): px is number {
  return px !== undefined && px >= 1 && px <= SCREEN_SIDE_PX_MAX;
}
