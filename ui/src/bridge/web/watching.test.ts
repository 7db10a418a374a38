/** What the room is told of visible cameras, and loss as people see it. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Command, Watch } from '../../wire';
import { permille } from './media/measuring';
import { Watching } from './watching';

describe('watching cameras', () => {
  let asked: Watch[][];
  let fails: boolean;

  function watching(): Watching {
    return new Watching(1, (command: Command) => {
      if (command.type === 'watch_cameras') asked.push(command.payload.watch);
      return fails ? Promise.reject(new Error('refused')) : Promise.resolve({ type: 'nothing' });
    });
  }

  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    fails = false;
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const tile = (source: number): { source: number; layer: 'normal'; pinned: boolean } => ({
    source,
    layer: 'normal',
    pinned: source === 3,
  });

  it('tells the room once of many changes, and never of our own camera', () => {
    const watched = watching();
    watched.set([tile(2)]);
    watched.set([tile(1), tile(2), tile(3)]);
    expect(asked).toEqual([]);
    vi.runAllTimers();
    expect(asked).toEqual([
      [
        { source: 2, layer_max: 'normal', pinned: false },
        { source: 3, layer_max: 'normal', pinned: true },
      ],
    ]);
  });

  it('says nothing twice, but again after a new welcome', () => {
    const watched = watching();
    watched.set([tile(2)]);
    vi.runAllTimers();
    watched.set([tile(2)]);
    vi.runAllTimers();
    expect(asked).toHaveLength(1);
    watched.renew();
    expect(asked).toHaveLength(2);
  });

  it('says it again when it was refused', async () => {
    const watched = watching();
    fails = true;
    watched.set([tile(2)]);
    await vi.runAllTimersAsync();
    fails = false;
    watched.set([tile(2)]);
    vi.runAllTimers();
    expect(asked).toHaveLength(2);
  });
});

describe('loss', () => {
  it('is in thousandths of what should have come', () => {
    expect(permille([])).toBeNull();
    expect(permille([{ received: 0, lost: 0 }])).toBeNull();
    expect(permille([{ received: 95, lost: 5 }, { received: 100, lost: 0 }])).toBe(25);
    expect(permille([{ received: 0, lost: 7 }])).toBe(1_000);
  });
});
