/** What events change in the shared clock and the film of a room; the rules are those of `proto/core`'s replica. */

import type { Event, Film, FilmMark, ParticipantId, Pulse, RoomState, Study, StudyPerson } from '../wire';

type StudyEvent = Extract<Event, { type: 'study_clock_changed' | 'focus_counted' | 'goal_set' | 'study_shared' }>;
type FilmEvent = Extract<
  Event,
  { type: 'film_opened' | 'film_moved' | 'film_identified' | 'film_marked' | 'film_lead_changed' | 'playlist_changed' }
>;

export function study(before: Study, event: StudyEvent): Study {
  switch (event.type) {
    case 'study_clock_changed':
      return { ...before, clock: event.payload.clock };
    case 'focus_counted': {
      const { room_ms, people } = event.payload;
      const counted = people.reduce((all, { id, focus_ms }) => withPerson(all, id, { focus_ms }), before.people);
      return { ...before, focus_ms: room_ms, people: counted };
    }
    case 'goal_set':
      return { ...before, goal: event.payload.text };
    case 'study_shared': {
      const { id, shared } = event.payload;
      return { ...before, people: withPerson(before.people, id, { shared }) };
    }
  }
}

export function film(before: Film, event: FilmEvent): Film {
  switch (event.type) {
    case 'film_opened':
      return { ...before, ...event.payload, marks: [] };
    case 'film_moved':
      return { ...before, anchor: event.payload.anchor };
    case 'film_identified':
      return before.file === null ? before : { ...before, file: { ...before.file, sha256: event.payload.sha256 } };
    case 'film_marked':
      return { ...before, marks: event.payload.marks.reduce(withMark, before.marks) };
    case 'film_lead_changed':
      return { ...before, leader: event.payload.leader };
    case 'playlist_changed':
      return { ...before, playlist: event.payload.playlist };
  }
}

/** Who leaves takes with them what they shared, and their copy. */
export function withoutPerson(room: RoomState, gone: ParticipantId): Pick<RoomState, 'study' | 'film'> {
  return {
    study: { ...room.study, people: room.study.people.filter(({ id }) => id !== gone) },
    film: { ...room.film, marks: room.film.marks.filter(({ id }) => id !== gone) },
  };
}

/** How clock and film stand, said again. */
export function pulsed(room: RoomState, pulse: Pulse): RoomState {
  return {
    ...room,
    study: pulse.clock === undefined ? room.study : { ...room.study, clock: pulse.clock },
    film: pulse.film === undefined ? room.film : { ...room.film, anchor: pulse.film },
  };
}

function withPerson(people: StudyPerson[], id: ParticipantId, change: Partial<StudyPerson>): StudyPerson[] {
  const known = people.find((person) => person.id === id) ?? { id, focus_ms: 0, shared: null };
  const now = { ...known, ...change };
  const others = people.filter((person) => person.id !== id);
  // Who has not focused and tells nothing is not listed.
  return now.focus_ms === 0 && now.shared === null ? others : [...others, now].sort((a, b) => a.id - b.id);
}

/** A copy that was closed has no mark. */
function withMark(marks: FilmMark[], mark: FilmMark): FilmMark[] {
  const others = marks.filter(({ id }) => id !== mark.id);
  return mark.readiness === 'closed' ? others : [...others, mark].sort((a, b) => a.id - b.id);
}
