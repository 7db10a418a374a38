/** Uploads and downloads that move no bytes, at a believable speed. */

import type { Transfer, TransferHandle, TransferState } from '../types';

const BYTES_PER_SECOND = 6_000_000;
const STEP_MS = 200;

let next = 1;

/** Pretends to carry a file; `finished` when it is there. */
export function transferOf(
  what: Pick<Transfer, 'direction' | 'name' | 'sizeBytes' | 'file'>,
  told: (transfer: Transfer) => void,
  finished: () => number | null,
): TransferHandle {
  let now: Transfer = { ...what, id: next++, doneBytes: 0, bytesPerSecond: 0, state: { state: 'going' } };
  const tell = (state: TransferState, doneBytes = now.doneBytes, bytesPerSecond = 0) => {
    now = { ...now, state, doneBytes, bytesPerSecond };
    told(now);
  };
  const step = () => {
    if (now.state.state !== 'going') return;
    const doneBytes = Math.min(now.sizeBytes, now.doneBytes + (BYTES_PER_SECOND * STEP_MS) / 1_000);
    if (doneBytes < now.sizeBytes) {
      tell({ state: 'going' }, doneBytes, BYTES_PER_SECOND);
      return;
    }
    clearInterval(timer);
    now = { ...now, file: finished() };
    tell({ state: 'done' }, doneBytes);
  };
  const timer = setInterval(step, STEP_MS);
  queueMicrotask(() => tell({ state: 'going' }));
  return {
    id: now.id,
    pause: () => {
      if (now.state.state === 'going') tell({ state: 'paused' });
    },
    resume: () => {
      if (now.state.state === 'paused') tell({ state: 'going' });
    },
    cancel: () => {
      clearInterval(timer);
      tell({ state: 'cancelled' });
    },
  };
}
