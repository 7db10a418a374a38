import { describe, expect, it } from 'vitest';
import type { Transfer, TransferState } from '../bridge/types';
import * as files from './files';
import { room } from './testing/room';

describe('transfers', () => {
  const transfer = (id: number, state: TransferState, change: Partial<Transfer> = {}): Transfer => ({
    id,
    direction: 'up',
    name: 'a',
    sizeBytes: 100,
    doneBytes: 0,
    bytesPerSecond: 10,
    file: null,
    state,
    ...change,
  });

  it('are known by their id', () => {
    let state = files.transfer(files.NO_FILES, transfer(1, { state: 'going' }));
    state = files.transfer(state, transfer(2, { state: 'going' }));
    state = files.transfer(state, transfer(1, { state: 'going' }, { doneBytes: 50 }));
    expect(state.transfers.map((one) => [one.id, one.doneBytes])).toEqual([
      [1, 50],
      [2, 0],
    ]);
  });

  it('say when they are done, as far as that is known', () => {
    expect(files.secondsLeft(transfer(1, { state: 'going' }, { doneBytes: 45 }))).toBe(6);
    expect(files.secondsLeft(transfer(1, { state: 'paused' }))).toBeNull();
    expect(files.secondsLeft(transfer(1, { state: 'going' }, { bytesPerSecond: 0 }))).toBeNull();
    expect(files.share(transfer(1, { state: 'done' }, { sizeBytes: 0 }))).toBe(1);
  });

  it('are dismissed only once they are over', () => {
    const state = files.transfer(files.NO_FILES, transfer(1, { state: 'paused' }));
    expect(files.dismiss(state, 1).transfers).toHaveLength(1);
    expect(files.dismiss(files.transfer(state, transfer(1, { state: 'cancelled' })), 1).transfers).toHaveLength(0);
  });

  it('that are over are forgotten before those that go on', () => {
    let state = files.transfer(files.NO_FILES, transfer(0, { state: 'going' }));
    for (let id = 1; id <= files.TRANSFERS_KEPT_MAX; id += 1) state = files.transfer(state, transfer(id, { state: 'done' }));
    expect(state.transfers).toHaveLength(files.TRANSFERS_KEPT_MAX);
    expect(state.transfers[0]?.id).toBe(0);
  });

  it('of a shared file stand with it, the newest file first', () => {
    const file = (id: number, owner: number) => ({
      id,
      owner,
      name: `f${String(id)}`,
      size_bytes: 1,
      sha256: '',
      shared_at_ms: 0,
      share_token: null,
    });
    const state = files.transfer(files.NO_FILES, transfer(7, { state: 'going' }, { direction: 'down', file: 1 }));
    const rows = files.fileRows(room({ files: [file(1, 2), file(2, 99)] }), state, 2);
    expect(rows.map((row) => [row.file.id, row.isOurs, row.ownerName, row.download?.id ?? null])).toEqual([
      [2, false, null, null],
      [1, true, 'Bo', 7],
    ]);
  });
});
