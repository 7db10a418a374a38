import { describe, expect, it } from 'vitest';
import { hueOf, initialsOf } from './initials';

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['  María-José  Carreño Quiñones ', 'MQ'],
    ['Ludwig van Beethoven', 'LB'],
    ['李 明', '李明'],
    ['«Ada»', 'A'],
    ['👩‍🚀 Neil', '👩N'],
    ['...', '.'],
    ['   ', '?'],
  ])('of %j are %j', (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });

  it('have a colour that the same name always gets', () => {
    const hues = ['Ada', 'Ben', 'Ada', 'Zoë', ''].map(hueOf);
    expect(hues[0]).toBe(hues[2]);
    for (const hue of hues) expect([0, 1, 2, 3, 4, 5, 6, 7]).toContain(hue);
  });
});
