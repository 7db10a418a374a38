/** The SHA-256 of a whole film, piece by piece, away from the page; the next piece is read while one is hashed. */

import { createSHA256 } from 'hash-wasm';
import { workerScope } from '../web/worker_scope';

/** Read and hashed at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** How far it is, or the end: null when the file cannot be read or this browser cannot hash. */
export type HashedSoFar = { doneBytes: number } | { sha256: string | null };

const scope = workerScope<File, HashedSoFar>();

scope.addEventListener('message', ({ data }) => {
  sha256(data)
    .catch(() => null)
    .then((hash) => scope.postMessage({ sha256: hash }, []));
});

async function sha256(file: File): Promise<string> {
  const hasher = await createSHA256();
  const read = (at: number): Promise<ArrayBuffer> => file.slice(at, at + PIECE_BYTES).arrayBuffer();
  let next = read(0);
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    const piece = new Uint8Array(await next);
    next = read(at + PIECE_BYTES);
    // One that fails is heard when its turn comes.
    next.catch(() => undefined);
    hasher.update(piece);
    scope.postMessage({ doneBytes: Math.min(at + PIECE_BYTES, file.size) }, []);
  }
  return hasher.digest('hex');
}
