/** What the stage shows: the layout that was chosen, what a share makes of it, and who is pinned. */

import type { WatchedTile } from '../bridge/types';
import type { ParticipantId } from '../wire';
import type { Layout, LayoutName } from './layout';
import type { Person } from './roster';

/** People pinned at most: more than these are a grid. */
export const PINS_MAX = 4;

export interface StageState {
  /** What the person chose for meetings without a share. */
  readonly chosen: 'grid' | 'speaker';
  /** While a screen is shown; it starts with `presentation` and is forgotten afterwards. */
  readonly duringShare: LayoutName | null;
  /** The last one pinned is the main one. */
  readonly pins: readonly ParticipantId[];
  readonly page: number;
}

export const FIRST_STAGE: StageState = { chosen: 'grid', duringShare: null, pins: [], page: 0 };

/** A spotlight makes a grid the speaker layout: it is for everybody to see. */
export function layoutOf(stage: StageState, spotlight: ParticipantId | null = null): LayoutName {
  if (stage.duringShare !== null) return stage.duringShare;
  return spotlight === null ? stage.chosen : 'speaker';
}

/** The person chooses; `presentation` means nothing without a share. */
export function choose(stage: StageState, layout: LayoutName): StageState {
  if (stage.duringShare !== null) return { ...stage, duringShare: layout, page: 0 };
  return layout === 'presentation' ? stage : { ...stage, chosen: layout, page: 0 };
}

/** A screen has appeared or gone. */
export function shared(stage: StageState, shown: boolean): StageState {
  if (shown === (stage.duringShare !== null)) return stage;
  return { ...stage, duringShare: shown ? 'presentation' : null, page: 0 };
}

export function pin(stage: StageState, id: ParticipantId): StageState {
  const others = stage.pins.filter((pinned) => pinned !== id);
  return { ...stage, pins: [...others, id].slice(-PINS_MAX), page: 0 };
}

export function unpin(stage: StageState, id: ParticipantId): StageState {
  return { ...stage, pins: stage.pins.filter((pinned) => pinned !== id) };
}

export function turnTo(stage: StageState, page: number): StageState {
  return { ...stage, page: Math.max(0, page) };
}

/** Pinned people first, the newest pin before others; then everybody as they came, ourselves last. */
export function stageOrder(stage: StageState, everybody: Person[]): Person[] {
  const rank = (person: Person) => {
    const pinned = stage.pins.indexOf(person.id);
    if (pinned >= 0) return -1 - pinned;
    return person.isYou ? 1 : 0;
  };
  return [...everybody].sort((a, b) => rank(a) - rank(b) || a.id - b.id);
}

/**
 * Who has the large picture: who is pinned here, whom the host shows to everybody, who speaks, else the
 * first of the others, else ourselves.
 */
export function mainOf(
  stage: StageState,
  everybody: Person[],
  speaker: ParticipantId | null,
  spotlight: ParticipantId | null,
): ParticipantId | null {
  const wished = [stage.pins.at(-1), spotlight, speaker, stageOrder(stage, everybody)[0]?.id];
  for (const id of wished) {
    if (id !== undefined && everybody.some((person) => person.id === id)) return id;
  }
  return null;
}

/** What to ask the server for: cameras that are on and placed, each no larger than it is drawn. */
export function watched(layout: Layout, everybody: Person[], stage: StageState): WatchedTile[] {
  const on = new Set(
    everybody.filter((person) => person.media.camera && !person.away && !person.isYou).map((person) => person.id),
  );
  return layout.tiles
    .filter((tile) => on.has(tile.id))
    .map((tile) => ({ source: tile.id, layer: tile.layer, pinned: stage.pins.includes(tile.id) }));
}
