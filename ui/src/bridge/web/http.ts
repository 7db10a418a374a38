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
    return snakeNames(await response.json()) as T;
  } catch {
    throw new RefusalError('unreachable', bridgeText.unreachable);
  }
}

/** Answer to `POST /api/rooms`. */
export interface RoomMade {
  slug: string;
  join_url: string;
  host_url: string;
  host_key: string;
}

/** Shows what proves that one has the room's whole link: whoever does is no stranger to the server. */
export function withInvite(path: string, invite: string | null | undefined): string {
  return typeof invite === 'string' ? `${path}?${new URLSearchParams({ invite }).toString()}` : path;
}

/** The interface spells names `likeThis`, the protocol's words `like_this`. */
export function snakeNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeNames);
  if (typeof value !== 'object' || value === null) return value;
  const spelled = ([name, inner]: [string, unknown]): [string, unknown] => [
    name.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`),
    snakeNames(inner),
  ];
  return Object.fromEntries(Object.entries(value).map(spelled));
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
