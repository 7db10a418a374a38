/** Who is in a pretended meeting, and what they have to say. */

import type { Member, Role } from '../../wire';

export interface Actor {
  name: string;
  role: Role;
  /** Of their picture, in degrees. */
  hue: number;
  camera: boolean;
  microphone: boolean;
}

/** Six people with us; the others are for rooms that are full. */
export const ACTORS: readonly Actor[] = [
  { name: 'Amina Diallo', role: 'host', hue: 205, camera: true, microphone: true },
  { name: 'Jonas Weiß', role: 'co_host', hue: 28, camera: true, microphone: true },
  { name: 'María-José Carreño Quiñones', role: 'presenter', hue: 340, camera: true, microphone: true },
  { name: 'لينا حداد', role: 'participant', hue: 130, camera: false, microphone: true },
  { name: '田中 蓮', role: 'observer', hue: 265, camera: false, microphone: false },
];

export const LINES: readonly string[] = [
  'Good morning everybody 👋',
  'The figures are in the *second* table, see `results.csv`.',
  'I can’t hear the back of the room, _could you come closer_?',
  'https://example.org/agenda has the order of the day.',
  'صباح الخير، هل يسمعني الجميع؟',
  '```\ncargo run --release\n```',
  'Yes.',
  '👍',
  'Shall we take questions *after* the slides?',
  'I put the plan into the files.',
];

export function memberOf(actor: Actor, id: number, joinedAtMs: number): Member {
  return {
    id,
    name: actor.name,
    role: actor.role,
    media: { microphone: actor.microphone, camera: actor.camera, sound: true },
    held_mute: false,
    away: false,
    joined_at_ms: joinedAtMs,
  };
}

/** An actor for a number: beyond the named ones, people of a class. */
export function actor(at: number): Actor {
  const known = ACTORS[at];
  if (known !== undefined) return known;
  return {
    name: `Guest ${String(at + 1)}`,
    role: 'participant',
    hue: (at * 47) % 360,
    camera: at % 3 !== 0,
    microphone: at % 2 === 0,
  };
}
