/** Who presents, and what we can do about it. */

import type { ParticipantId, RoomState } from '../wire';
import { mayIn } from './permission';

/** What the share button does now. */
export type ShareChoice =
  /** We present: it stops. */
  | { do: 'stop' }
  /** The place is free, or we need not ask: it starts. */
  | { do: 'share' }
  /** Somebody else presents, and we may take the place from them. */
  | { do: 'take_over'; from: ParticipantId }
  /** It asks to be next. */
  | { do: 'ask' }
  /** We wait; `place` from 1. It steps out of the queue. */
  | { do: 'stop_waiting'; place: number }
  | { do: 'nothing' };

/** Follows the rules of `proto/core/src/room/floor.rs`; the server decides in any case. */
export function shareChoice(room: RoomState, you: ParticipantId): ShareChoice {
  const { presenter, queue } = room.floor;
  if (presenter === you) return { do: 'stop' };
  if (!mayIn(room, you, 'present')) return { do: 'nothing' };
  const hosts = mayIn(room, you, 'moderate');
  if (presenter !== null && hosts) return { do: 'take_over', from: presenter };
  const place = queue.indexOf(you);
  if (place >= 0) return { do: 'stop_waiting', place: place + 1 };
  if (presenter === null && !mustAsk(room, you)) return { do: 'share' };
  return { do: 'ask' };
}

/** Whether this person must be granted the slot even when it is free. */
export function mustAsk(room: RoomState, id: ParticipantId): boolean {
  const member = room.members.find((member) => member.id === id);
  return room.settings.present_by_asking && member?.role === 'participant';
}

/** Who waits for the slot, and whether we may give it to them. */
export function waiting(room: RoomState, you: ParticipantId): { ids: ParticipantId[]; mayGrant: boolean } {
  return { ids: room.floor.queue, mayGrant: mayIn(room, you, 'moderate') };
}

/** Whether our hand is up. */
export function handIsUp(room: RoomState, you: ParticipantId): boolean {
  return room.floor.hands.includes(you);
}
