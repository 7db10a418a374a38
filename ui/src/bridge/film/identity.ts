/** Which film a file is: likely, by a sample of it, at once; surely, by the SHA-256 of all of it. */

import { createSHA256 } from 'hash-wasm';
import type { HashedSoFar } from './hash.worker';

/** Says what is hashed, so that a sample is never taken for the hash of a file (docs/PROTOCOL.md). */
const SAMPLE_LABEL = 'conclave-film-sample-1';
/** A file of at most this size is sampled whole. */
const SAMPLE_WHOLE_BYTES_MAX = 1024 * 1024;
const SAMPLE_BLOCKS = 16;
const SAMPLE_BLOCK_BYTES = 64 * 1024;

/** The instant likely-match, lower-case hexadecimal: reads at most 1 MiB. Rejects when the file cannot be read. */
export async function sampleOf(file: Blob): Promise<string> {
  const hasher = await createSHA256();
  hasher.update(SAMPLE_LABEL);
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(file.size), true);
  hasher.update(new Uint8Array(size.buffer));
  for (const [from, to] of sampled(file.size)) {
    const block = new Uint8Array(await file.slice(from, to).arrayBuffer());
    if (block.length !== to - from) throw new Error('the file has shrunk');
    hasher.update(block);
  }
  return hasher.digest('hex');
}

/** From where to where is read of a file of this size. */
export function sampled(size: number): [number, number][] {
  if (size <= SAMPLE_WHOLE_BYTES_MAX) return [[0, size]];
  const step = Math.floor((size - SAMPLE_BLOCK_BYTES) / (SAMPLE_BLOCKS - 1));
  return Array.from({ length: SAMPLE_BLOCKS }, (_, block) => [block * step, block * step + SAMPLE_BLOCK_BYTES]);
}

export interface Hashing {
  /** Lower-case hexadecimal; null when there is none to be had, or it was stopped. */
  sha256: Promise<string | null>;
  stop(): void;
}

/** Hashes the whole file in a worker; `progress` is told the bytes that are done. */
export function startHashing(file: File, progress: (bytes: number) => void): Hashing {
  const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' });
  let stop = (): void => undefined;
  const sha256 = new Promise<string | null>((done) => {
    const end = (hash: string | null): void => {
      worker.terminate();
      done(hash);
    };
    stop = () => end(null);
    worker.addEventListener('message', ({ data }: MessageEvent<HashedSoFar>) => {
      if ('sha256' in data) end(data.sha256);
      else progress(data.doneBytes);
    });
    worker.addEventListener('error', () => end(null));
  });
  worker.postMessage(file);
  return { sha256, stop: () => stop() };
}
