import { describe, expect, it } from 'vitest';
import fixture from '../../tests/fixtures/follower.json';
import type { Aim } from './film_course';
import { aimAt, driftUs, look, newFollower, readiness, type Follower, type PlayerTraits, type Seen } from './follower';

interface Look {
  nowUs: number;
  roomUs: number;
  errorUs: number;
  seen: Seen;
  order: unknown;
  waitUs: number;
  readiness: string;
  driftUs: number | null;
}

/** Written by `proto/core/tests/film_follower.rs`: players that stall, lag, drift and lie, and what became of each look. */
type Line = { traits: PlayerTraits } | { aim: Aim | null } | Look;

const runs = fixture as unknown as Line[][];

describe('the follower', () => {
  it('has somebody to be compared with', () => {
    expect(runs.flat().length).toBeGreaterThan(100);
  });

  it.each(runs.map((lines, run) => ({ run, lines })))('of run $run does as the one in Rust', ({ lines }) => {
    let follower: Follower = newFollower({ grainUs: 0, nudges: true, rateDelayUs: 0 });
    for (const [at, line] of lines.entries()) {
      if ('traits' in line) follower = newFollower(line.traits);
      else if ('aim' in line) follower = aimAt(follower, line.aim);
      else {
        const judged = look(follower, line.nowUs, line, line.seen);
        follower = judged.follower;
        const { order, waitUs, readiness: ready, driftUs: offUs } = line;
        const ours = { order: judged.order, waitUs: follower.waitUs, ready: readiness(follower), offUs: driftUs(follower) };
        expect({ at, ...ours }).toEqual({ at, order, waitUs, ready, offUs });
      }
    }
  });
});
