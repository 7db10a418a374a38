/** Who is here, and their signs of life: speaking, typing, latency, reactions. */

import type { MediaState, ParticipantId, PersonSigns, Quality, Role, RoomState } from '../wire';

/** For how long a reaction stands beside its person, in milliseconds. */
export const REACTION_SHOWN_MS = 5_000;
/** The quietest that a meter shows, in dB below the loudest; RFC 6464 levels go on to 127. */
const METER_RANGE_DB = 60;

/** What signs have said of a person. Gone with the link, and with the person. */
export interface Presence {
  speaking: boolean;
  /** 0 (silence) to 1 (loudest). */
  level: number;
  typing: boolean;
  latencyMs: number | null;
  quality: Quality | null;
  reaction: { emoji: string; atMs: number } | null;
}

export interface Signals {
  readonly of: Readonly<Record<ParticipantId, Presence>>;
  /** Whom the speaker layout shows: who speaks, or did so last. Never ourselves. */
  readonly speaker: ParticipantId | null;
}

export const NO_SIGNALS: Signals = { of: {}, speaker: null };

const SILENT: Presence = {
  speaking: false,
  level: 0,
  typing: false,
  latencyMs: null,
  quality: null,
  reaction: null,
};

/** Takes a batch of signs in: what is absent has not changed. */
export function signs(signals: Signals, batch: PersonSigns[], you: ParticipantId, atMs: number): Signals {
  const of = { ...signals.of };
  for (const sign of batch) of[sign.id] = heard(of[sign.id] ?? SILENT, sign, atMs);
  return { of, speaker: nextSpeaker(of, signals.speaker, you) };
}

/** Who is gone gives no signs. */
export function gone(signals: Signals, id: ParticipantId): Signals {
  if (signals.of[id] === undefined && signals.speaker !== id) return signals;
  const { [id]: _, ...of } = signals.of;
  return { of, speaker: signals.speaker === id ? null : signals.speaker };
}

/** Who is away, or has the microphone off, is not speaking; signs may have been lost with the link. */
export function silenced(signals: Signals, id: ParticipantId): Signals {
  const presence = signals.of[id];
  if (presence === undefined) return signals;
  const quiet = { ...presence, speaking: false, level: 0 };
  return { ...signals, of: { ...signals.of, [id]: quiet } };
}

/** A level in -dBov (RFC 6464: 0 loudest, 127 silence) as a meter shows it. */
export function meterLevel(level: number): number {
  return Math.min(1, Math.max(0, 1 - level / METER_RANGE_DB));
}

function heard(before: Presence, sign: PersonSigns, atMs: number): Presence {
  return {
    speaking: sign.speaking ?? before.speaking,
    level: sign.level === undefined ? before.level : meterLevel(sign.level),
    typing: sign.typing ?? before.typing,
    latencyMs: sign.latency_ms ?? before.latencyMs,
    quality: sign.quality ?? before.quality,
    reaction: sign.reaction === undefined ? before.reaction : { emoji: sign.reaction, atMs },
  };
}

/** The picture stays with whoever speaks until they stop; then the loudest of the others has it. */
function nextSpeaker(
  of: Record<ParticipantId, Presence>,
  now: ParticipantId | null,
  you: ParticipantId,
): ParticipantId | null {
  if (now !== null && of[now]?.speaking) return now;
  let loudest: { id: ParticipantId; level: number } | null = null;
  for (const [key, presence] of Object.entries(of)) {
    const id = Number(key);
    if (id === you || !presence.speaking) continue;
    if (loudest === null || presence.level > loudest.level) loudest = { id, level: presence.level };
  }
  return loudest?.id ?? now;
}

/** A person as the panel and the stage show them. */
export interface Person extends Presence {
  id: ParticipantId;
  name: string;
  role: Role;
  isYou: boolean;
  media: MediaState;
  heldMute: boolean;
  away: boolean;
  joinedAtMs: number;
  presenting: boolean;
  /** Place among the raised hands, from 1; null when the hand is down. */
  hand: number | null;
  /** Place among those who wait to present, from 1. */
  queued: number | null;
}

/** Everybody, in the order in which they came. */
export function people(room: RoomState, signals: Signals, you: ParticipantId, atMs: number): Person[] {
  const { presenter, queue, hands } = room.floor;
  return room.members.map((member) => {
    const presence = signals.of[member.id] ?? SILENT;
    const { reaction } = presence;
    const fresh = reaction !== null && atMs - reaction.atMs < REACTION_SHOWN_MS;
    return {
      ...presence,
      reaction: fresh ? reaction : null,
      id: member.id,
      name: member.name,
      role: member.role,
      isYou: member.id === you,
      media: member.media,
      heldMute: member.held_mute,
      away: member.away,
      joinedAtMs: member.joined_at_ms,
      presenting: presenter === member.id,
      hand: place(hands, member.id),
      queued: place(queue, member.id),
    };
  });
}

/** As the people panel lists them: ourselves, who presents, raised hands in order, the others by name. */
export function roster(everybody: Person[]): Person[] {
  const rank = (person: Person) => (person.isYou ? 0 : person.presenting ? 1 : person.hand !== null ? 2 : 3);
  return [...everybody].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.hand ?? 0) - (b.hand ?? 0) ||
      a.name.localeCompare(b.name) ||
      a.id - b.id,
  );
}

/** The others who are writing now. */
export function typing(everybody: Person[]): Person[] {
  return everybody.filter((person) => person.typing && !person.isYou && !person.away);
}

/** 1 for the first; null for who is not there. */
function place(ids: ParticipantId[], id: ParticipantId): number | null {
  const at = ids.indexOf(id);
  return at < 0 ? null : at + 1;
}
