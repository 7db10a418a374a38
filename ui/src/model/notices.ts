/** What stands above the stage until it is over or dismissed, the most urgent first. */

import type { LinkState, LocalDevice, LocalMedia, MediaFailure } from '../bridge/types';
import type { Advice, Hint, Notice, NoticeId } from '../wire';
import type { TimeLeft } from './agenda';

/** What is wrong with our own link, as the server has judged it. */
export type LinkTrouble = Exclude<Advice, { type: 'fine' }>;

export type Banner =
  | { type: 'link_lost'; retryInMs: number; attempt: number }
  /** Sound needs a touch. */
  | { type: 'sound_blocked' }
  | { type: 'talking_muted'; held: boolean }
  | { type: 'device_failed'; device: 'microphone' | 'camera' | 'screen'; why: MediaFailure; said?: string }
  | { type: 'time_left'; left: TimeLeft }
  | { type: 'audio_only' }
  | { type: 'link_poor'; trouble: LinkTrouble }
  | { type: 'udp_blocked' }
  | { type: 'personal_mixes_full' }
  | { type: 'notice'; notice: Notice };

export type BannerKey = string;

export interface NoticesState {
  /** Banners that the person has closed, by {@link keyOf}. */
  readonly dismissed: ReadonlySet<BannerKey>;
}

export const NO_NOTICES: NoticesState = { dismissed: new Set() };

/** All that banners are made of. */
export interface BannerFacts {
  link: LinkState;
  media: LocalMedia;
  /** Muted by a host, until the host allows to unmute. */
  heldMute: boolean;
  left: TimeLeft | null;
  audioOnly: boolean;
  hint: Hint | null;
  advice: LinkTrouble | null;
  notices: readonly Notice[];
  /** `performance.now()`. */
  atMs: number;
}

export function banners(state: NoticesState, facts: BannerFacts): Banner[] {
  return all(facts).filter((banner) => !state.dismissed.has(keyOf(banner)));
}

export function dismiss(state: NoticesState, banner: Banner): NoticesState {
  return { dismissed: new Set([...state.dismissed, keyOf(banner)]) };
}

/** What is over may come again: banners of things that ended are no longer dismissed. */
export function forgetOver(state: NoticesState, facts: BannerFacts): NoticesState {
  const standing = new Set(all(facts).map(keyOf));
  const dismissed = [...state.dismissed].filter((key) => standing.has(key));
  return dismissed.length === state.dismissed.size ? state : { dismissed: new Set(dismissed) };
}

/** Whether a person can close it: what goes on by itself and needs nobody is closed by its end. */
export function canDismiss(banner: Banner): boolean {
  return banner.type !== 'link_lost' && banner.type !== 'sound_blocked' && banner.type !== 'talking_muted';
}

/** Two banners of the same key are the same one, with other figures. */
export function keyOf(banner: Banner): BannerKey {
  switch (banner.type) {
    case 'notice':
      return noticeKey(banner.notice.id);
    case 'device_failed':
      return `device_failed ${banner.device} ${banner.why} ${banner.said ?? ''}`;
    case 'time_left':
      return `time_left ${String(banner.left.mark)}`;
    default:
      return banner.type;
  }
}

/** What is said of a device that is off against our wish, or on without any use. */
function failureOf(device: LocalDevice): { why: MediaFailure; said?: string } | null {
  if (device.state === 'on' && device.failing !== undefined) return { why: 'failed', said: device.failing };
  return device.state === 'failed' && device.why !== 'cancelled' ? { why: device.why, said: device.said } : null;
}

function noticeKey(id: NoticeId): BannerKey {
  return `notice ${String(id)}`;
}

function all(facts: BannerFacts): Banner[] {
  const { link, media, left, atMs } = facts;
  const found: Banner[] = [];
  if (link.state === 'lost') {
    found.push({ type: 'link_lost', retryInMs: Math.max(0, link.retryAtMs - atMs), attempt: link.attempt });
  }
  if (media.soundBlocked) found.push({ type: 'sound_blocked' });
  if (media.talkingWhileMuted) found.push({ type: 'talking_muted', held: facts.heldMute });
  for (const device of ['microphone', 'camera', 'screen'] as const) {
    const failed = failureOf(media[device]);
    if (failed !== null) found.push({ type: 'device_failed', device, ...failed });
  }
  if (left !== null && left.mark !== null) found.push({ type: 'time_left', left });
  if (facts.audioOnly) found.push({ type: 'audio_only' });
  if (facts.advice !== null) found.push({ type: 'link_poor', trouble: facts.advice });
  if (facts.hint === 'udp_blocked' || facts.hint === 'personal_mixes_full') found.push({ type: facts.hint });
  for (const notice of facts.notices) found.push({ type: 'notice', notice });
  return found;
}
