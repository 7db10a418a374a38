import { describe, expect, it } from 'vitest';
import { NO_ANNOUNCEMENTS, announce, since } from './announcements';

describe('announcements', () => {
  it('fold people who come together', () => {
    let all = announce(NO_ANNOUNCEMENTS, { type: 'joined', names: ['Ada'] }, 0);
    all = announce(all, { type: 'joined', names: ['Bo'] }, 500);
    all = announce(all, { type: 'joined', names: ['Cy'] }, 5_000);
    expect(since(all, 0).map((one) => one.fact)).toEqual([
      { type: 'joined', names: ['Ada', 'Bo'] },
      { type: 'joined', names: ['Cy'] },
    ]);
  });

  it('interrupt only for what cannot wait', () => {
    const manner = (type: 'link_lost' | 'link_back') => announce(NO_ANNOUNCEMENTS, { type }, 0).items[0]?.manner;
    expect([manner('link_lost'), manner('link_back')]).toEqual(['assertive', 'polite']);
  });

  it('are told once each', () => {
    const one = announce(NO_ANNOUNCEMENTS, { type: 'link_lost' }, 0);
    const two = announce(one, { type: 'link_back' }, 10_000);
    expect(since(two, one.items[0]?.id ?? 0).map((item) => item.fact.type)).toEqual(['link_back']);
  });
});
