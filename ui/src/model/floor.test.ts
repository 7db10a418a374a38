import { describe, expect, it } from 'vitest';
import { shareChoice } from './floor';
import { SETTINGS, member, room } from './testing/room';

describe('the share button', () => {
  const host = { members: [member(1, 'Ada', { role: 'host' }), member(2, 'Bo'), member(3, 'Cy', { role: 'presenter' })] };
  it.each([
    ['shares when the place is free and we need not ask', {}, 3, { do: 'share' }],
    ['asks when the room wants it', {}, 2, { do: 'ask' }],
    ['shares at once where nobody asks', { settings: { ...SETTINGS, present_by_asking: false } }, 2, { do: 'share' }],
    ['stops when we present', { floor: { presenter: 2, queue: [], hands: [] } }, 2, { do: 'stop' }],
    ['takes over as host', { floor: { presenter: 2, queue: [], hands: [] } }, 1, { do: 'take_over', from: 2 }],
    ['asks while somebody presents', { floor: { presenter: 1, queue: [], hands: [] } }, 3, { do: 'ask' }],
    ['steps out of the queue', { floor: { presenter: 1, queue: [3, 2], hands: [] } }, 2, { do: 'stop_waiting', place: 2 }],
  ])('%s', (_, change, you, expected) => {
    expect(shareChoice(room({ ...host, ...change }), you)).toEqual(expected);
  });

  it('does nothing for observers', () => {
    expect(shareChoice(room({ members: [member(1, 'Obi', { role: 'observer' })] }), 1)).toEqual({ do: 'nothing' });
  });
});
