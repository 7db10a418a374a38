import { describe, expect, it } from 'vitest';
import roles from '../../tests/fixtures/roles.json';
import type { Permission, Role } from '../wire';
import { may, mayGive, mayIn, ROLES } from './permission';
import { SETTINGS, room } from './testing/room';

describe('the table of roles', () => {
  it('is that of the protocol', () => {
    expect(roles.allowed.length).toBeGreaterThan(100);
    for (const { role, presenting, participants, observers, may: expected } of roles.allowed) {
      const settings = { ...SETTINGS, participants, observers };
      const found = (roles.permissions as Permission[]).filter((what) => may(role as Role, what, settings, presenting));
      expect(found, JSON.stringify({ role, presenting, participants, observers })).toEqual(expected);
    }
  });

  it('says who gives which role', () => {
    for (const { by, had, gets } of roles.gifts) {
      const found = ROLES.filter((role) => mayGive(by as Role, had as Role, role));
      expect(found, JSON.stringify({ by, had })).toEqual(gets);
    }
  });

  it('lets nobody do anything who is not there', () => {
    expect(mayIn(room(), 99, 'ask')).toBe(false);
  });
});
