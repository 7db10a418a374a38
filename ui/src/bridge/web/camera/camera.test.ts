/** Frames from fragments, repetitions, delays: the rules without a browser. */

import { describe, expect, it } from 'vitest';
import type { Fragment } from '../protocol/datagram';
import { FrameAssembler } from './assemble';
import { layerSize, layersToSend, sendQuality } from './encoding';
import { Queueing } from './queueing';
import { SentLately } from './resend';

function fragment(frame: number, index: number, count: number, change: Partial<Fragment> = {}): Fragment {
  const payload = Uint8Array.of(frame % 256, index);
  return { source: 1, layer: 'normal', keyframe: true, frame, index, count, capturedMs: frame, payload, ...change };
}

describe('a frame assembler', () => {
  it('puts fragments together in whatever order they come', () => {
    const assembler = new FrameAssembler();
    expect(assembler.insert(fragment(1, 2, 3), 0)).toBeUndefined();
    expect(assembler.insert(fragment(1, 0, 3), 1)).toBeUndefined();
    expect(assembler.insert(fragment(1, 0, 3), 1)).toBeUndefined();
    const whole = assembler.insert(fragment(1, 1, 3), 2);
    expect([...(whole?.jpeg ?? [])]).toEqual([1, 0, 1, 1, 1, 2]);
    expect(assembler.nextWakeMs).toBe(Infinity);
  });

  it('asks for a gap after 10 ms, once more after 50, and not a third time', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(1, 0, 3), 0);
    assembler.insert(fragment(1, 2, 3), 0);
    expect(assembler.wake(9)).toEqual([]);
    expect(assembler.wake(10)).toEqual([{ frame: 1, indices: [1] }]);
    expect(assembler.wake(59)).toEqual([]);
    expect(assembler.wake(60)).toEqual([{ frame: 1, indices: [1] }]);
    expect(assembler.wake(150)).toEqual([]);
    expect(assembler.insert(fragment(1, 1, 3), 160)).toBeDefined();
    expect(assembler.figures).toMatchObject({ missed: 1, recovered: 1, complete: 1 });
  });

  it('asks for a lost tail when nothing more comes', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(1, 0, 2), 0);
    expect(assembler.wake(19)).toEqual([]);
    expect(assembler.wake(20)).toEqual([{ frame: 1, indices: [1] }]);
  });

  it('gives a frame up after 200 ms', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(1, 0, 2), 0);
    assembler.wake(200);
    expect(assembler.insert(fragment(1, 1, 2), 201)).toBeUndefined();
    expect(assembler.figures.dropped).toBe(1);
  });

  it('never gives an older frame after a newer one, also where numbers wrap', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(0xffffffff, 0, 2), 0);
    expect(assembler.insert(fragment(0, 0, 1), 1)?.frame).toBe(0);
    expect(assembler.insert(fragment(0xffffffff, 1, 2), 2)).toBeUndefined();
  });

  it('takes a publisher that has started anew after two seconds of silence', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(900, 0, 1), 0);
    expect(assembler.insert(fragment(1, 0, 1), 1_999)).toBeUndefined();
    expect(assembler.insert(fragment(1, 0, 1), 4_000)?.frame).toBe(1);
  });

  it('takes no memory for what cannot be', () => {
    const assembler = new FrameAssembler();
    assembler.insert(fragment(1, 0, 2), 0);
    assembler.insert(fragment(1, 0, 5_000), 0);
    assembler.insert(fragment(1, 2, 3), 0);
    assembler.insert(fragment(2, 0, 1, { payload: new Uint8Array(1_133) }), 0);
    expect(assembler.figures.malformed).toBe(3);
    for (let frame = 2; frame < 100; frame += 1) {
      assembler.insert(fragment(frame, 0, 900, { payload: new Uint8Array(1_132) }), 0);
    }
    expect(assembler.heldBytes).toBeLessThanOrEqual(4 * 1_132);
  });
});

describe('what was sent lately', () => {
  const request = { source: 0, layer: 'normal', frame: 1, indices: [0] } as const;
  const ask = { ...request, indices: [0] };

  function full(): SentLately {
    const sent = new SentLately();
    // Enough to have saved up for repetitions: 15 % of it.
    for (let index = 0; index < 40; index += 1) sent.keep('normal', 1, index, new Uint8Array(1_000), 0);
    return sent;
  }

  it('is sent again at most twice, and only for 200 ms', () => {
    const sent = full();
    expect(sent.answer(ask, 10)).toHaveLength(1);
    expect(sent.answer(ask, 20)).toHaveLength(1);
    expect(sent.answer(ask, 30)).toHaveLength(0);
    expect(sent.answer({ ...request, indices: [1] }, 200)).toHaveLength(0);
  });

  it('is sent again at most for 15 % of what was sent', () => {
    const all = { ...request, indices: Array.from({ length: 40 }, (_, index) => index) };
    expect(full().answer(all, 10)).toHaveLength(6);
  });
});

describe('queueing', () => {
  it('is what even the fastest picture of a second came later than before', () => {
    const queueing = new Queueing();
    // The publisher's clock is anywhere, also about to wrap. One comes late, as by jitter.
    queueing.camera(1_000, 1, 'normal', 2 ** 32 - 11);
    queueing.camera(1_066, 1, 'normal', 55);
    queueing.camera(1_180, 1, 'normal', 121);
    expect(queueing.take()).toBe(0);
    // Then all come late: they wait for each other. A page that was busy for a moment would see that, too.
    const later = [1_300, 1_550, 1_800].map((at) => {
      queueing.camera(at, 1, 'normal', at - 1_061);
      return queueing.take();
    });
    expect(later).toEqual([0, 0, 0]);
    queueing.camera(2_050, 1, 'normal', 979);
    expect(queueing.take()).toBe(50);
    queueing.camera(2_300, 1, 'normal', 1_289);
    expect(queueing.take()).toBe(0);
  });

  it('of one publisher says nothing of another', () => {
    const queueing = new Queueing();
    queueing.camera(1_000, 1, 'normal', 500_000);
    queueing.camera(1_000, 2, 'normal', 0);
    queueing.take();
    queueing.camera(1_264, 2, 'normal', 264);
    expect(queueing.take()).toBe(0);
  });

  it('is not made by a larger layer, which takes longer to encode', () => {
    const queueing = new Queueing();
    queueing.camera(1_000, 1, 'thumbnail', 990);
    queueing.take();
    queueing.camera(1_110, 1, 'large', 1_050);
    expect(queueing.take()).toBe(0);
  });

  it('is not made by a fragment that was sent again', () => {
    const queueing = new Queueing();
    queueing.camera(1_000, 1, 'normal', 500);
    queueing.take();
    queueing.camera(1_080, 1, 'normal', 500);
    expect(queueing.take()).toBe(0);
  });
});

describe('what is encoded', () => {
  it('has the height of its layer and an even width', () => {
    expect(layerSize(1_280, 720, 'thumbnail')).toEqual({ width: 320, height: 180 });
    expect(layerSize(1_280, 720, 'normal')).toEqual({ width: 640, height: 360 });
    expect(layerSize(853, 480, 'normal')).toEqual({ width: 640, height: 360 });
    expect(layerSize(640, 360, 'large')).toEqual({ width: 640, height: 360 });
  });

  it('of quiet company is a picture of 160 by 90 every 8 s, whatever is watched and chosen', () => {
    const quiet = sendQuality('high', true);
    expect(quiet.everyMs).toBe(8_000);
    expect(layersToSend(['thumbnail', 'large'], quiet)).toEqual(['thumbnail']);
    expect(layerSize(1_280, 720, 'thumbnail', quiet.heightPxMax)).toEqual({ width: 160, height: 90 });
    expect(sendQuality('high').everyMs).toBeCloseTo(1_000 / 15);
  });

  it('is what somebody watches and the person wants to send', () => {
    expect(layersToSend(['large', 'thumbnail'], sendQuality('auto'))).toEqual(['thumbnail', 'large']);
    expect(layersToSend(['large', 'thumbnail'], sendQuality('low'))).toEqual(['thumbnail']);
  });
});
