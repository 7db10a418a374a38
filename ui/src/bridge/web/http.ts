/** The server's HTTP interface: JSON in and out, refusals as `RefusalError`. */

import { bridgeText } from '../../text/bridge';
import type { Refusal } from '../../wire';
import { RefusalError } from '../types';
import { toError } from './link/asks';

/** A request is answered within this, or the server is not there. */
const DEADLINE_MS = 15_000;

/** Where the server is: a room's link may name another than the one that this page came from. */
export function serverBase(server: string | null): string {
  return server === null ? location.origin : `https://${server}`;
}

/** Rejects with `RefusalError`. */
export async function askJson<T>(base: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetchInTime(new URL(path, base).href, init);
  if (!response.ok) throw await refusalOf(response);
  try {
    return (await response.json()) as T;
  } catch {
    throw new RefusalError('unreachable', bridgeText.unreachable);
  }
}

/** Rejects with `RefusalError` of the code `unreachable` when there is no answer. */
export async function fetchInTime(url: string, init: RequestInit): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), DEADLINE_MS);
  try {
    return await fetch(url, { ...init, signal: abort.signal, cache: 'no-store' });
  } catch {
    throw new RefusalError('unreachable', bridgeText.unreachable);
  } finally {
    clearTimeout(timer);
  }
}

export async function refusalOf(response: Response): Promise<RefusalError> {
  try {
    return refusalFrom(await response.json());
  } catch {
    return new RefusalError('unreachable', bridgeText.unreachable);
  }
}

/** What a body of a refused request says. */
export function refusalFrom(body: unknown): RefusalError {
  const isRefusal = typeof body === 'object' && body !== null && 'code' in body && 'message' in body;
  return isRefusal ? toError(body as Refusal) : new RefusalError('unreachable', bridgeText.unreachable);
}
