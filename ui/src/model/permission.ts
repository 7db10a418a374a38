/** Who may do what: the table of roles, as `permission::may` in `proto/wire` has it. */

import type { Permission, Role, RoomState, ParticipantId, Settings } from '../wire';

const NOT_FOR_PRESENTERS: ReadonlySet<Permission> = new Set<Permission>([
  'end_room',
  'set_password',
  'change_settings',
  'give_roles',
  'admit',
  'moderate',
]);

/** Whether a person of `role` may do `what`; `presenting` says whether they hold the slot now. */
export function may(role: Role, what: Permission, settings: Settings, presenting: boolean): boolean {
  switch (role) {
    case 'host':
      return true;
    case 'co_host':
      return what !== 'end_room' && what !== 'set_password';
    case 'presenter':
      if (what === 'mute_all') return presenting;
      return !NOT_FOR_PRESENTERS.has(what);
    case 'participant':
      return participantMay(what, settings);
    case 'observer':
      return observerMay(what, settings);
  }
}

/** From most to least. */
export const ROLES: readonly Role[] = ['host', 'co_host', 'presenter', 'participant', 'observer'];

/** Whether a person of role `by` may make somebody who has the role `had` into one of role `gets`. */
export function mayGive(by: Role, had: Role, gets: Role): boolean {
  const upToPresenter = (role: Role) => ROLES.indexOf(role) >= ROLES.indexOf('presenter');
  return by === 'host' || (by === 'co_host' && upToPresenter(had) && upToPresenter(gets));
}

/** The same, of a person in a room; who is not there may do nothing. */
export function mayIn(room: RoomState, id: ParticipantId, what: Permission): boolean {
  const member = room.members.find((member) => member.id === id);
  if (member === undefined) return false;
  return may(member.role, what, room.settings, room.floor.presenter === id);
}

function participantMay(what: Permission, { participants }: Settings): boolean {
  switch (what) {
    case 'ask':
      return true;
    case 'present':
      return participants.present;
    case 'speak':
      return participants.speak;
    case 'chat':
    case 'react':
    case 'raise_hand':
    case 'vote':
      return participants.chat;
    case 'share_files':
      return participants.files;
    case 'timer':
      return participants.timer;
    case 'lead_film':
      return participants.film;
    default:
      return false;
  }
}

function observerMay(what: Permission, { observers }: Settings): boolean {
  switch (what) {
    case 'react':
      return observers.react;
    case 'vote':
      return observers.vote;
    case 'ask':
      return observers.ask;
    default:
      return false;
  }
}
