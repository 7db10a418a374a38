/** The SHA-256 of a whole file, piece by piece, away from the page. */

import { createSHA256 } from 'hash-wasm';
import { workerScope } from '../worker_scope';

/** Read at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Lower-case hexadecimal; nothing when the file cannot be read or this browser cannot compute it. */
export type Hashed = { sha256: string | undefined };

const scope = workerScope<File, Hashed>();

scope.addEventListener('message', ({ data }) => {
  sha256(data)
    .catch(() => undefined)
    .then((hash) => scope.postMessage({ sha256: hash }, []));
});

async function sha256(file: File): Promise<string> {
  const hasher = await createSHA256();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    hasher.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
  }
  return hasher.digest('hex');
}
