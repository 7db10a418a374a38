import { describe, expect, it } from 'vitest';
import { snakeNames, withInvite } from './http';

describe('the server’s interface', () => {
  it('spells names as the protocol does once they are read', () => {
    const answer = { room: { hasPassword: true, membersMax: 5 }, list: [{ joinedAtMs: 1 }], role: 'co_host' };
    expect(snakeNames(answer)).toEqual({
      room: { has_password: true, members_max: 5 },
      list: [{ joined_at_ms: 1 }],
      role: 'co_host',
    });
  });

  it('is shown the invite where there is one', () => {
    expect(withInvite('/ws', 'a-_b')).toBe('/ws?invite=a-_b');
    expect(withInvite('/ws', undefined)).toBe('/ws');
    expect(withInvite('/ws', null)).toBe('/ws');
  });
});
