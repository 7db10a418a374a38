import { describe, expect, it } from 'vitest';
import { type Node, format, onlyEmojis, plain } from './format';
import { random } from './testing/random';

const text = (text: string): Node => ({ type: 'text', text });
const bold = (...children: Node[]): Node => ({ type: 'bold', children });
const italic = (...children: Node[]): Node => ({ type: 'italic', children });
const code = (text: string): Node => ({ type: 'code', text });
const link = (text: string, href = text): Node => ({ type: 'link', text, href });

describe('formatting', () => {
  const cases: [string, Node[]][] = [
    ['', []],
    ['plain', [text('plain')]],
    ['*bold*', [bold(text('bold'))]],
    ['a _b_ c', [text('a '), italic(text('b')), text(' c')]],
    ['*a _b_ c*', [bold(text('a '), italic(text('b')), text(' c'))]],
    ['`*not bold*`', [code('*not bold*')]],
    ['2 * 3 * 4', [text('2 * 3 * 4')]],
    ['snake_case_name', [text('snake_case_name')]],
    ['a*b*c', [text('a*b*c')]],
    ['**', [text('**')]],
    ['*open', [text('*open')]],
    ['*a* and *b*', [bold(text('a')), text(' and '), bold(text('b'))]],
    ['"*quoted*".', [text('"'), bold(text('quoted')), text('".')]],
    ['one\ntwo', [text('one'), { type: 'break' }, text('two')]],
    ['*one\ntwo*', [text('*one'), { type: 'break' }, text('two*')]],
    ['```\nx = *1*\n```', [{ type: 'block', text: 'x = *1*' }]],
    ['```\nopen', [text('```'), { type: 'break' }, text('open')]],
    ['*größe*', [bold(text('größe'))]],
  ];
  it.each(cases)('of %j', (written, nodes) => {
    expect(format(written)).toEqual(nodes);
  });

  it('never makes anything of HTML', () => {
    const html = '<img src=x onerror=alert(1)><script>alert(1)</script>';
    expect(format(html)).toEqual([text(html)]);
  });
});

describe('addresses', () => {
  const cases: [string, Node[]][] = [
    ['https://example.org/a', [link('https://example.org/a')]],
    ['see http://example.org/.', [text('see '), link('http://example.org/'), text('.')]],
    ['(https://example.org/a)', [text('('), link('https://example.org/a'), text(')')]],
    ['https://example.org/a_(b)', [link('https://example.org/a_(b)')]],
    ['*https://example.org/a*', [bold(link('https://example.org/a'))]],
    ['xhttps://example.org/', [text('xhttps://example.org/')]],
    ['https://', [text('https://')]],
  ];
  it.each(cases)('in %j', (written, nodes) => {
    expect(format(written)).toEqual(nodes);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://bank.example@evil.example/',
    'https://user:word@evil.example/',
  ])('that nobody should follow stay text: %s', (written) => {
    expect(format(written).some((node) => node.type === 'link')).toBe(false);
  });

  it('end where the direction of writing is turned', () => {
    const [first] = format('https://example.org/\u202egpj.exe');
    expect(first).toEqual(link('https://example.org/'));
  });
});

describe('any text at all', () => {
  const PIECES = ['*', '_', '`', '```', '\n', ' ', 'word', 'ä', '😀', '‮', 'https://a.b/c', '(', ')', '@', '<b>', '.'];

  it('keeps every character that is not a mark, in order', () => {
    const chance = random(2);
    const bare = (text: string) => text.replace(/[*_`\n]/gu, '');
    const texts = Array.from({ length: 3_000 }, () =>
      Array.from({ length: chance.whole(0, 30) }, () => chance.pick(PIECES)).join(''),
    );
    expect(texts.filter((written) => bare(plain(format(written))) !== bare(written))).toEqual([]);
  });

  it('is a tree no deeper than bold in italic', () => {
    const chance = random(3);
    const depth = (node: Node): number => {
      const deeper = 'children' in node ? Math.max(0, ...node.children.map(depth)) : 0;
      return deeper + 1;
    };
    const texts = Array.from({ length: 2_000 }, () =>
      Array.from({ length: chance.whole(0, 40) }, () => chance.pick(PIECES)).join(''),
    );
    expect(texts.filter((written) => format(written).some((node) => depth(node) > 3))).toEqual([]);
  });

  it.each(['*', '_', '`', '*_', '*a ', '_a ', '`a', 'https://', '(', '*a_b '])('of 4,096 bytes of %j is read', (piece) => {
    const written = piece.repeat(Math.floor(4_096 / piece.length));
    expect(plain(format(written)).length).toBeGreaterThan(0);
  });
});

describe('emojis', () => {
  it.each(['😀', '👍🏽', '👨‍👩‍👧', '❤️', '😀😀😀'])('alone: %s', (written) => {
    expect(onlyEmojis(written)).toBe(true);
  });
  it.each(['', 'a', '😀😀😀😀', '😀 ok', '1'])('not alone: %j', (written) => {
    expect(onlyEmojis(written)).toBe(false);
  });
});
