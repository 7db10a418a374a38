import { describe, expect, it } from 'vitest';
import vectors from '../../../tests/fixtures/film_samples.json';
import { sampleOf, sampled } from './identity';

/** Bytes that both languages can make: those of `n * n + n / 251`, as 32 bits, their lowest. */
function bytes(count: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(count);
  for (let n = 0; n < count; n += 1) made[n] = (Math.imul(n, n) + Math.floor(n / 251)) & 0xff;
  return made;
}

describe('the sample of a film', () => {
  it.each(vectors)('of $size_bytes bytes is that of the desktop', async ({ size_bytes, sample }) => {
    expect(await sampleOf(new Blob([bytes(size_bytes)]))).toBe(sample);
  });

  it('reaches from the first byte to the last, of the largest film too', () => {
    for (const size of [1024 * 1024 + 1, 5_000_000, 2 ** 53]) {
      const blocks = sampled(size);
      expect(blocks).toHaveLength(16);
      expect(blocks[0]?.[0]).toBe(0);
      expect(size - (blocks[15]?.[1] ?? 0)).toBeLessThan(16);
      expect(size - (blocks[15]?.[1] ?? 0)).toBeGreaterThanOrEqual(0);
    }
    expect(sampled(0)).toEqual([[0, 0]]);
  });

  it('is refused of a file that cannot be read', async () => {
    const file = new Blob([bytes(10)]);
    file.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('unplugged')) }) as unknown as Blob;
    await expect(sampleOf(file)).rejects.toThrow('unplugged');
  });
});
