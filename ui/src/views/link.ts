/** Join links and codes, as people paste and type them. */

import type { RoomLink } from '../bridge/types';

export type ReadLink =
  | { kind: 'room'; link: RoomLink }
  /** A link of another server, to be opened there. */
  | { kind: 'elsewhere'; address: string }
  | { kind: 'unreadable' };

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/u;
const ROOM_PATH = /^\/r\/([^/]+)\/?$/u;

/** Reads a whole link (`https://…/r/slug#k=…`, `conclave://…`) or a bare code. */
export function readLink(text: string, origin: string): ReadLink {
  const typed = text.trim();
  const code = typed.toLowerCase();
  if (SLUG.test(code)) return { kind: 'room', link: linkTo(code) };
  const url = addressOf(typed.replace(/^conclave:/iu, 'https:'));
  const slug = url === null ? null : slugOf(url.pathname);
  if (url === null || slug === null || !/^https?:$/u.test(url.protocol)) return { kind: 'unreadable' };
  if (url.origin !== origin) return { kind: 'elsewhere', address: url.href };
  return { kind: 'room', link: withFragment(slug, url.hash) };
}

/** The room that the page's own address names, if any. */
export function linkOfAddress(pathname: string, hash: string): RoomLink | null {
  const slug = slugOf(pathname);
  return slug === null ? null : withFragment(slug, hash);
}

/** The page's address for a room; the host key travels in the fragment, which no server sees. */
export function addressOfLink(link: RoomLink): string {
  const fragment = new URLSearchParams();
  if (link.fingerprint !== null) fragment.set('k', link.fingerprint);
  if (typeof link.invite === 'string') fragment.set('i', link.invite);
  if (link.hostKey !== null) fragment.set('h', link.hostKey);
  const words = fragment.toString();
  return `/r/${encodeURIComponent(link.slug)}${words === '' ? '' : `#${words}`}`;
}

export function linkTo(slug: string): RoomLink {
  return { slug, hostKey: null, server: null, fingerprint: null };
}

function withFragment(slug: string, hash: string): RoomLink {
  const fragment = new URLSearchParams(hash.replace(/^#/u, ''));
  const invite = fragment.get('i');
  const link = { slug, hostKey: fragment.get('h'), server: null, fingerprint: fragment.get('k') };
  return invite === null ? link : { ...link, invite };
}

/** A slug that no room can have is kept: the server says that there is no such room. */
function slugOf(pathname: string): string | null {
  const found = ROOM_PATH.exec(pathname)?.[1];
  if (found === undefined) return null;
  try {
    return decodeURIComponent(found);
  } catch {
    return found;
  }
}

function addressOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
