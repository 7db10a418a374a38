import { describe, expect, it } from 'vitest';
import * as roster from './roster';
import { FIRST_STAGE, PINS_MAX, choose, layoutOf, mainOf, pin, shared, stageOrder, unpin, watched } from './stage';
import { member, room } from './testing/room';

describe('the stage', () => {
  it('follows a share by itself and goes back after it', () => {
    let stage = choose(FIRST_STAGE, 'speaker');
    stage = shared(stage, true);
    expect(layoutOf(stage)).toBe('presentation');
    stage = choose(stage, 'grid');
    expect(layoutOf(shared(stage, true))).toBe('grid');
    expect(layoutOf(shared(stage, false))).toBe('speaker');
    expect(layoutOf(shared(shared(stage, false), true))).toBe('presentation');
  });

  it('shows to everybody whom the host shows', () => {
    expect(layoutOf(FIRST_STAGE, 3)).toBe('speaker');
    const everybody = roster.people(room(), roster.NO_SIGNALS, 1, 0);
    expect(mainOf(FIRST_STAGE, everybody, 2, 3)).toBe(3);
    expect(mainOf(pin(FIRST_STAGE, 2), everybody, 1, 3)).toBe(2);
    expect(mainOf(FIRST_STAGE, everybody, 99, null)).toBe(2);
  });

  it('has no more pins than places', () => {
    let stage = FIRST_STAGE;
    for (let id = 1; id <= PINS_MAX + 2; id += 1) stage = pin(stage, id);
    expect(stage.pins).toHaveLength(PINS_MAX);
    expect(stage.pins).not.toContain(1);
    expect(unpin(stage, 4).pins).not.toContain(4);
  });

  it('has pinned people first and ourselves last', () => {
    const everybody = roster.people(room(), roster.NO_SIGNALS, 1, 0);
    expect(stageOrder(pin(FIRST_STAGE, 3), everybody).map((person) => person.id)).toEqual([3, 2, 1]);
  });

  it('watches only cameras that are on', () => {
    const media = { microphone: false, camera: true, sound: true };
    const members = [member(1, 'Me', { media }), member(2, 'Bo', { media }), member(3, 'Cy'), member(4, 'Di', { media, away: true })];
    const everybody = roster.people(room({ members }), roster.NO_SIGNALS, 1, 0);
    const tile = (id: number) => ({ id, part: 'grid', x: 0, y: 0, width: 1, height: 1, layer: 'normal' }) as const;
    const layout = { screen: null, tiles: [1, 2, 3, 4].map(tile), hidden: [], page: 0, pages: 1 };
    expect(watched(layout, everybody, pin(FIRST_STAGE, 2))).toEqual([{ source: 2, layer: 'normal', pinned: true }]);
  });
});
