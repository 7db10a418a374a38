/** Hashing a file in a worker. */

import type { Hashed } from './hash.worker';

export interface Hashing {
  /** Lower-case hexadecimal; `undefined` when there is none to be had. */
  sha256: Promise<string | undefined>;
  stop(): void;
}

export function startHashing(file: File): Hashing {
  const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' });
  const sha256 = new Promise<string | undefined>((done) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Hashed>) => {
      worker.terminate();
      done(data.sha256);
    });
    worker.addEventListener('error', () => done(undefined));
  });
  worker.postMessage(file);
  return { sha256, stop: () => worker.terminate() };
}
