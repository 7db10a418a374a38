/** Bytes that both ends of the protocol agree on, and bytes that nobody takes. */

import { describe, expect, it } from 'vitest';
import vectors from '../../../../tests/fixtures/media_vectors.json';
import {
  FRAGMENT_PAYLOAD_BYTES_MAX,
  CAMERA_FRAME_BYTES_MAX,
  Kind,
  fragmentMessage,
  parseChannelMessage,
  parseFragment,
  parseProbe,
  parseReRequest,
  probeMessage,
  reRequestMessage,
  reportMessage,
  splitFrame,
  type Fragment,
} from './datagram';
import type { Layer } from '../../../wire';
import { jpegSize, pngSize } from './picture_size';
import { parseScreenMessage, screenMessage, type ScreenMessage } from './screen';

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** A message of the data channel: the kind, then the body of the datagram. */
function message(kind: number, body: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([kind, ...bytes(body)]);
}

describe('the data channel', () => {
  const { fragment, re_request: reRequest, report, probe } = vectors;
  const ours: Fragment = {
    source: fragment.source,
    layer: fragment.layer as Layer,
    keyframe: fragment.keyframe,
    frame: fragment.frame,
    index: fragment.index,
    count: fragment.count,
    capturedMs: fragment.captured_ms,
    payload: bytes(fragment.payload),
  };

  it('writes and reads fragments as the protocol has them', () => {
    expect(fragmentMessage(ours)).toEqual(message(2, fragment.body));
    expect(parseChannelMessage(message(2, fragment.body))).toEqual({ kind: Kind.camera, fragment: ours });
  });

  it('writes and reads re-requests as the protocol has them', () => {
    const request = {
      source: reRequest.source,
      layer: reRequest.layer as Layer,
      frame: reRequest.frame,
      indices: reRequest.indices,
    };
    expect(reRequestMessage(request)).toEqual(message(3, reRequest.body));
    expect(parseChannelMessage(message(3, reRequest.body))).toEqual({ kind: Kind.reRequest, request });
  });

  it('writes reports as the protocol has them', () => {
    const written = reportMessage({
      intervalMs: report.interval_ms,
      queueingMs: report.queueing_ms,
      cameraReceived: report.camera_received,
      cameraLost: report.camera_lost,
      cameraBytes: report.camera_bytes,
      voiceReceived: report.voice_received,
      voiceLost: report.voice_lost,
      jitterUs: report.jitter_us,
      roundTripUs: report.round_trip_us,
    });
    expect(written).toEqual(message(4, report.body));
  });

  it('writes probes and reads echoes, also beyond 32 bits', () => {
    expect(probeMessage(probe.sent_us)).toEqual(message(5, probe.body));
    expect(parseChannelMessage(message(6, probe.body))).toEqual({
      kind: Kind.echo,
      probe: { sentUs: probe.sent_us, roomClockUs: probe.room_clock_us },
    });
  });

  it('takes nothing that is cut short or contradicts itself', () => {
    const body = bytes(fragment.body);
    for (let end = 0; end < body.byteLength - 2; end += 1) expect(parseFragment(body.subarray(0, end))).toBeUndefined();
    const change = (at: number, value: number): Uint8Array => {
      const changed = body.slice();
      changed[at] = value;
      return changed;
    };
    expect(parseFragment(change(4, 0x11))).toBeUndefined(); // another codec
    expect(parseFragment(change(4, 0x03))).toBeUndefined(); // no such layer
    expect(parseFragment(change(11, 21))).toBeUndefined(); // beyond the count
    expect(parseFragment(new Uint8Array(1_151))).toBeUndefined();
    expect(parseReRequest(bytes('00000007 02 00010001 00'))).toBeUndefined();
    expect(parseReRequest(bytes('00000007 02 00010001 02 0000'))).toBeUndefined();
    expect(parseProbe(bytes('00000000000000'))).toBeUndefined();
    expect(parseChannelMessage(new Uint8Array(0))).toBeUndefined();
    expect(parseChannelMessage(bytes('01 00'))).toBeUndefined();
  });

  it('cuts a frame into full fragments and a rest', () => {
    const jpeg = new Uint8Array(2 * FRAGMENT_PAYLOAD_BYTES_MAX + 5).map((_, at) => at % 251);
    const fragments = splitFrame(jpeg, 7, 'thumbnail', 99);
    expect(fragments.map(({ index, count, payload }) => [index, count, payload.byteLength])).toEqual([
      [0, 3, 1_132],
      [1, 3, 1_132],
      [2, 3, 5],
    ]);
    expect(fragments.flatMap(({ payload }) => [...payload])).toEqual([...jpeg]);
    expect(splitFrame(new Uint8Array(0), 1, 'large', 0)).toEqual([]);
    expect(splitFrame(new Uint8Array(CAMERA_FRAME_BYTES_MAX + 1), 1, 'large', 0)).toEqual([]);
  });
});

describe('the screen link', () => {
  const messages = vectors.screen.map((vector): [ScreenMessage, Uint8Array<ArrayBuffer>] => {
    const of = vector as unknown as Record<string, never>;
    const message = (): ScreenMessage => {
      switch (vector.type) {
        case 'start':
          return { type: 'start', widthPx: of['width_px']!, heightPx: of['height_px']! };
        case 'run': {
          const run = { generation: of['generation']!, x: of['x']!, y: of['y']!, width: of['width']! };
          return { type: 'run', run: { ...run, codec: of['codec']!, picture: bytes(of['picture']!) } };
        }
        case 'frame_end':
          return { type: 'frameEnd', generation: of['generation']!, capturedMs: of['captured_ms']! };
        case 'pointer':
          return { type: 'pointer', at: of['visible'] ? { x: of['x']!, y: of['y']! } : undefined };
        case 'ack':
          return { type: 'ack', bytes: of['bytes_taken']! };
        case 'pace':
          return { type: 'pace', intervalMs: of['interval_ms']! };
        case 'stop':
        case 'refresh':
          return { type: vector.type };
        default:
          throw new Error(vector.type);
      }
    };
    return [message(), bytes(vector.bytes)];
  });

  it('writes and reads every message as the protocol has it', () => {
    expect(messages).toHaveLength(10);
    for (const [value, written] of messages) {
      expect(screenMessage(value)).toEqual(written);
      expect(parseScreenMessage(written)).toEqual(value);
    }
  });

  it('takes nothing else', () => {
    for (const wrong of vectors.not_screen) expect(parseScreenMessage(bytes(wrong)), wrong).toBeUndefined();
    expect(parseScreenMessage(new Uint8Array(65_537).fill(2))).toBeUndefined();
  });
});

describe('the size of an encoded picture', () => {
  it('is read from a PNG before it is decoded', () => {
    const header = '89504e470d0a1a0a 0000000d 49484452 00000400 00000040 0802000000';
    expect(pngSize(bytes(header))).toEqual({ width: 1_024, height: 64 });
    expect(pngSize(bytes(header.replace('49484452', '49444154')))).toBeUndefined();
    expect(pngSize(bytes('89504e47'))).toBeUndefined();
  });

  it('is read from a JPEG before it is decoded', () => {
    // APP0 of 4 bytes, a table, then a baseline frame header of 640 by 360.
    const jpeg = 'ffd8 ffe0 0004 0000 ffc4 0003 00 ffff c0 0011 08 0168 0280 03 012200 021101 031101';
    expect(jpegSize(bytes(jpeg))).toEqual({ width: 640, height: 360 });
    expect(jpegSize(bytes('ffd8 ffda 0008 0000 0000 0000 0000 0000'))).toBeUndefined();
    expect(jpegSize(bytes('ffd8 0000 0000 0000 0000 0000'))).toBeUndefined();
    expect(jpegSize(bytes('ffd8'))).toBeUndefined();
  });
});
