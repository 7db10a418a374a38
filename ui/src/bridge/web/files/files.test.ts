/** Uploads by tus against a pretended server, pauses, interruptions, and what a page remembers. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusalError, type Transfer } from '../../types';
import type { Store } from '../link/seat';
import { Progress } from './progress';
import { Desk, Stopped } from './transfer';
import { Upload, base64 } from './upload';
import { UploadNote } from './upload_note';

type Asked = { method: string; url: string; headers: Record<string, string>; bytes: number };
type Answers = (asked: Asked) => Record<string, string | undefined>;

const asked: Asked[] = [];
let answer: Answers;

vi.mock('./request', () => ({
  send: (asking: { method: string; url: string; headers: Record<string, string>; body?: Blob; moved?: (n: number) => void }) => {
    const one = { ...asking, bytes: asking.body?.size ?? 0 };
    asked.push(one);
    try {
      const headers = answer(one);
      asking.moved?.(one.bytes);
      return Promise.resolve({ header: (name: string) => headers[name] ?? null });
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error('thrown'));
    }
  },
}));

const MIB = 1024 * 1024;
const TO = { base: 'https://server', slug: 'physics', seatToken: () => 'token' };
const LOCATION = 'https://server/api/uploads/u1';

function memory(): Store {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

function fileOf(bytes: number, name = 'talk.pdf'): File {
  return new File([new Uint8Array(bytes)], name, { lastModified: 5 });
}

/** A server that keeps what it is sent. */
function tus(): { stored: () => number } {
  let stored = 0;
  answer = ({ method, headers, bytes }) => {
    if (method === 'POST') return { Location: '/api/uploads/u1' };
    if (method === 'HEAD') return { 'Upload-Offset': String(stored) };
    if (Number(headers['Upload-Offset']) !== stored) throw new RefusalError('offset_mismatch', 'Elsewhere.');
    stored += bytes;
    return { 'Upload-Offset': String(stored) };
  };
  return { stored: () => stored };
}

/** Runs an upload to its end, and gives every state it told. */
async function upload(file: File, store = memory(), hash = 'abc'): Promise<{ told: Transfer[]; desk: Desk }> {
  const told: Transfer[] = [];
  const work = new Upload(TO, file, new UploadNote(store, 'physics', file), () => ({
    sha256: Promise.resolve(hash),
    stop: () => undefined,
  }));
  const start = { id: 1, direction: 'up', name: file.name, sizeBytes: file.size, file: null } as const;
  const desk = new Desk(start, (transfer) => told.push(transfer), (own) => work.run(own), () => work.abandon());
  desk.start();
  await vi.waitUntil(() => desk.isOver || told.at(-1)?.state.state === 'paused', { timeout: 5_000 });
  return { told, desk };
}

beforeEach(() => {
  asked.length = 0;
});

describe('an upload', () => {
  it('goes in pieces, with the hash of the whole in the last one', async () => {
    const server = tus();
    const { told } = await upload(fileOf(9 * MIB, 'Übung.pdf'));
    expect(server.stored()).toBe(9 * MIB);
    const [created, ...pieces] = asked;
    expect(created).toMatchObject({ method: 'POST', url: 'https://server/api/rooms/physics/files' });
    expect(created?.headers).toMatchObject({
      'Upload-Length': String(9 * MIB),
      'Upload-Metadata': 'filename w5xidW5nLnBkZg==',
      Authorization: 'Bearer token',
      'Tus-Resumable': '1.0.0',
    });
    expect(pieces.map(({ bytes, headers }) => [bytes, headers['Conclave-Sha256']])).toEqual([
      [4 * MIB, undefined],
      [4 * MIB, undefined],
      [MIB - 64 * 1024, undefined],
      [64 * 1024, 'abc'],
    ]);
    expect(told.at(-1)).toMatchObject({ state: { state: 'done' }, doneBytes: 9 * MIB });
  });

  it('of nothing is done when it is begun', async () => {
    tus();
    const { told } = await upload(fileOf(0));
    expect(asked.map(({ method }) => method)).toEqual(['POST']);
    expect(told.at(-1)?.state).toEqual({ state: 'done' });
  });

  it('goes on after an interruption where the server stands', async () => {
    const server = tus();
    const serve = answer;
    let failures = 1;
    answer = (one) => {
      // Half of the second piece came before the cable was pulled.
      if (one.method === 'PATCH' && server.stored() === 4 * MIB && failures > 0) {
        failures -= 1;
        serve({ ...one, bytes: MIB });
        throw new RefusalError('unreachable', 'Gone.');
      }
      return serve(one);
    };
    const { told } = await upload(fileOf(6 * MIB));
    expect(server.stored()).toBe(6 * MIB);
    expect(asked.map(({ method }) => method).join(' ')).toBe('POST PATCH PATCH HEAD PATCH PATCH');
    expect(told.map(({ state }) => state.state)).toContain('interrupted');
  });

  it('goes on after the page was loaded again, for the same file alone', async () => {
    const server = tus();
    const store = memory();
    const serve = answer;
    answer = (one) => {
      if (one.method === 'PATCH' && server.stored() > 0) throw new RefusalError('file_too_large', 'No.');
      return serve(one);
    };
    await upload(fileOf(6 * MIB), store);
    answer = serve;
    asked.length = 0;
    await upload(fileOf(6 * MIB, 'other.pdf'), store).catch(() => undefined);
    expect(asked[0]?.method).toBe('POST');

    const fresh = tus();
    asked.length = 0;
    new UploadNote(store, 'physics', fileOf(6 * MIB)).write(LOCATION);
    await upload(fileOf(6 * MIB), store);
    expect(asked[0]).toMatchObject({ method: 'HEAD', url: LOCATION });
    expect(fresh.stored()).toBe(6 * MIB);
    expect(new UploadNote(store, 'physics', fileOf(6 * MIB)).read()).toBeNull();
  });

  it('that the server has forgotten begins anew', async () => {
    const server = tus();
    const serve = answer;
    const store = memory();
    new UploadNote(store, 'physics', fileOf(MIB)).write('https://server/api/uploads/old');
    answer = (one) => {
      if (one.url.endsWith('/old')) throw new RefusalError('upload_gone', 'Gone.');
      return serve(one);
    };
    await upload(fileOf(MIB), store);
    expect(server.stored()).toBe(MIB);
  });

  it('that is refused says why, and can be tried again', async () => {
    const server = tus();
    const serve = answer;
    answer = () => {
      throw new RefusalError('room_quota_reached', 'Full.');
    };
    const { told, desk } = await upload(fileOf(MIB));
    expect(told.at(-1)?.state).toEqual({ state: 'failed', code: 'room_quota_reached', text: 'Full.' });
    answer = serve;
    desk.handle.resume();
    await vi.waitUntil(() => desk.isOver, { timeout: 5_000 });
    expect(server.stored()).toBe(MIB);
    expect(told.at(-1)?.state).toEqual({ state: 'done' });
  });

  it('that is cancelled takes back what the server has', async () => {
    const server = tus();
    const serve = answer;
    let desk: Desk | undefined;
    answer = (one) => {
      if (one.method === 'DELETE') return {};
      if (server.stored() > 0) desk?.cancel();
      return serve(one);
    };
    const file = fileOf(9 * MIB);
    const work = new Upload(TO, file, new UploadNote(memory(), 'physics', file), () => ({
      sha256: Promise.resolve(undefined),
      stop: () => undefined,
    }));
    const told: Transfer[] = [];
    const start = { id: 1, direction: 'up', name: file.name, sizeBytes: file.size, file: null } as const;
    desk = new Desk(start, (transfer) => told.push(transfer), (own) => work.run(own), () => work.abandon());
    desk.start();
    await vi.waitUntil(() => asked.some(({ method }) => method === 'DELETE'), { timeout: 5_000 });
    expect(told.at(-1)?.state).toEqual({ state: 'cancelled' });
    expect(server.stored()).toBeLessThan(9 * MIB);
  });
});

describe('a transfer', () => {
  it('that is paused stops, and goes on when it is resumed', async () => {
    let runs = 0;
    const told: string[] = [];
    const desk: Desk = new Desk(
      { id: 1, direction: 'down', name: 'a', sizeBytes: 1, file: 1 },
      ({ state }) => told.push(state.state),
      (own) => {
        runs += 1;
        if (runs > 1) return Promise.resolve();
        return new Promise((_, failed) => own.signal.addEventListener('abort', () => failed(new Stopped())));
      },
      () => undefined,
    );
    desk.start();
    desk.handle.pause();
    await vi.waitUntil(() => told.at(-1) === 'paused');
    desk.handle.resume();
    await vi.waitUntil(() => desk.isOver);
    expect(told).toEqual(['waiting', 'going', 'paused', 'waiting', 'going', 'done']);
  });

  it('knows its speed over the last seconds', () => {
    const progress = new Progress();
    expect(progress.bytesPerSecond()).toBe(0);
    for (let second = 0; second <= 5; second += 1) progress.reach(9_000 * second, 1_000 * second);
    expect(progress.bytesPerSecond()).toBe(9_000);
    for (let second = 1; second <= 5; second += 1) progress.reach(45_000 + 1_000 * second, 5_000 + 1_000 * second);
    expect(progress.bytesPerSecond()).toBe(1_000);
    progress.restart();
    expect(progress.bytesPerSecond()).toBe(0);
  });
});

describe('names in the metadata', () => {
  it('are the base64 of their UTF-8', () => {
    expect(base64('notes.txt')).toBe('bm90ZXMudHh0');
    expect(base64('«ответ» 👩‍👩‍👧')).toBe('wqvQvtGC0LLQtdGCwrsg8J+RqeKAjfCfkanigI3wn5Gn');
  });
});
