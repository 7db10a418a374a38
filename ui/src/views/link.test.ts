import { describe, expect, it } from 'vitest';
import { addressOfLink, linkOfAddress, linkTo, readLink } from './link';

const HERE = 'https://meet.lan:7443';

describe('what people paste', () => {
  it('is a room when it is a link of this server', () => {
    expect(readLink(' https://meet.lan:7443/r/physics#k=abc&h=def ', HERE)).toEqual({
      kind: 'room',
      link: { slug: 'physics', hostKey: 'def', server: null, fingerprint: 'abc' },
    });
  });

  it('is a room when it is the desktop’s form of the link', () => {
    const read = readLink('conclave://meet.lan:7443/r/physics#k=abc', HERE);
    expect(read).toEqual({ kind: 'room', link: { slug: 'physics', hostKey: null, server: null, fingerprint: 'abc' } });
  });

  it.each([['physics-101'], ['Physics-101'], ['a'], ['x'.repeat(50)]])('is a room when it is the code %j', (typed) => {
    expect(readLink(typed, HERE)).toEqual({ kind: 'room', link: linkTo(typed.toLowerCase()) });
  });

  it('is told apart when it leads to another server', () => {
    const read = readLink('https://other.lan/r/physics#k=abc', HERE);
    expect(read).toEqual({ kind: 'elsewhere', address: 'https://other.lan/r/physics#k=abc' });
  });

  it.each([[''], ['-a'], ['a b'], ['x'.repeat(51)], ['https://meet.lan:7443/'], ['javascript:alert(1)'], ['https://'], ['<b>']])(
    'is not understood when it is %j',
    (typed) => {
      expect(readLink(typed, HERE)).toEqual({ kind: 'unreadable' });
    },
  );
});

describe('the address of a page', () => {
  it('names a room, and gives it back', () => {
    const link = { slug: 'physics', hostKey: 'd/e+f', server: null, fingerprint: 'a_b-c' };
    const address = new URL(addressOfLink(link), HERE);
    expect(linkOfAddress(address.pathname, address.hash)).toEqual(link);
  });

  it('keeps what proves that one has the whole link', () => {
    const link = { slug: 'physics', hostKey: null, server: null, fingerprint: 'abc', invite: 'x-_y' };
    const address = new URL(addressOfLink(link), HERE);
    expect(linkOfAddress(address.pathname, address.hash)).toEqual(link);
  });

  it('keeps a code that no room can have, so that the server can say so', () => {
    expect(linkOfAddress('/r/No%20Such%20Room', '')?.slug).toBe('No Such Room');
    expect(linkOfAddress('/r/%zz', '')?.slug).toBe('%zz');
  });

  it.each(['/', '/r/', '/r/a/b', '/admin'])('is no room when it is %j', (path) => {
    expect(linkOfAddress(path, '')).toBeNull();
  });
});
