import { describe, expect, it } from 'vitest';
import { ownQuality } from './quality';

describe('our own quality', () => {
  const good = { roundTripMs: 5, jitterMs: 1, lossPermille: 0, receiveKbps: 0, sendKbps: 0, path: 'udp', hint: null } as const;
  it('is as good as its worst figure', () => {
    expect(ownQuality(good)).toEqual({ verdict: 'good', causes: [] });
    expect(ownQuality({ ...good, jitterMs: 31 })).toEqual({ verdict: 'fair', causes: ['jitterMs'] });
    expect(ownQuality({ ...good, jitterMs: 31, lossPermille: 81 })).toEqual({ verdict: 'poor', causes: ['lossPermille'] });
    expect(ownQuality({ ...good, roundTripMs: null }).verdict).toBe('good');
  });
});
