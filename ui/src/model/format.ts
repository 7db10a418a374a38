/**
 * Safe formatting of chat: text becomes a tree of nodes, never HTML. `*bold*`, `_italic_`, `` `code` ``,
 * a block between lines of three backticks, and addresses that begin with http or https.
 */

export type Node =
  | { type: 'text'; text: string }
  | { type: 'bold'; children: Node[] }
  | { type: 'italic'; children: Node[] }
  | { type: 'code'; text: string }
  | { type: 'block'; text: string }
  | { type: 'link'; text: string; href: string }
  | { type: 'break' };

const MARKS = { '*': 'bold', _: 'italic' } as const;
type Mark = keyof typeof MARKS;

const FENCE = '```';
/** Characters that an address has; those that steer the direction of writing could disguise it. */
const ADDRESS = /https?:\/\/[^\s<>"'`\u200e\u200f\u202a-\u202e\u2066-\u2069]+/iuy;
/** Ends a sentence rather than an address. */
const TRAILING = /[.,;:!?*_]+$/u;
const WORD = /[\p{L}\p{N}]/u;

/** The nodes of a line. Never fails: what is no format is text. Joined, the texts have all that was written but marks. */
export function format(text: string): Node[] {
  const nodes: Node[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const end = lines[at]?.trim() === FENCE ? closingFence(lines, at) : null;
    if (end !== null) {
      nodes.push({ type: 'block', text: lines.slice(at + 1, end).join('\n') });
      at = end;
      continue;
    }
    // A block ends its own line.
    if (at > 0 && nodes.at(-1)?.type !== 'block') nodes.push({ type: 'break' });
    nodes.push(...inline(lines[at] ?? '', new Set()));
  }
  return nodes;
}

/** What is written, without marks: for banners, notes of the system and screen readers. */
export function plain(nodes: Node[]): string {
  return nodes
    .map((node) => {
      switch (node.type) {
        case 'bold':
        case 'italic':
          return plain(node.children);
        case 'break':
          return '\n';
        default:
          return node.text;
      }
    })
    .join('');
}

/** Whether a line is nothing but one to three emojis, which are shown large. */
export function onlyEmojis(text: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*\s*){1,3}$/u.test(
    text.trim(),
  );
}

function closingFence(lines: string[], opening: number): number | null {
  const end = lines.findIndex((line, at) => at > opening && line.trim() === FENCE);
  return end < 0 ? null : end;
}

/** One line, inside of the marks that are open. A mark does not nest in itself, so this goes three deep. */
function inline(text: string, open: ReadonlySet<Mark>): Node[] {
  const nodes: Node[] = [];
  let written = '';
  const flush = () => {
    if (written !== '') nodes.push({ type: 'text', text: written });
    written = '';
  };
  // Once a mark has no end in this line, looking for it again from further on is of no use.
  const endless = new Set<string>();

  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? '';
    const found = nodeAt(text, at, char, open, endless);
    if (found === null) {
      written += char;
      at += 1;
    } else {
      flush();
      nodes.push(found.node);
      at = found.end;
    }
  }
  flush();
  return nodes;
}

interface Found {
  node: Node;
  /** Index behind it. */
  end: number;
}

function nodeAt(text: string, at: number, char: string, open: ReadonlySet<Mark>, endless: Set<string>): Found | null {
  if (char === '`') return codeAt(text, at, endless);
  if (char === 'h' || char === 'H') return linkAt(text, at);
  if ((char === '*' || char === '_') && !open.has(char)) return markedAt(text, at, char, open, endless);
  return null;
}

function codeAt(text: string, at: number, endless: Set<string>): Found | null {
  if (endless.has('`')) return null;
  const end = text.indexOf('`', at + 1);
  if (end < 0) endless.add('`');
  if (end <= at + 1) return null;
  return { node: { type: 'code', text: text.slice(at + 1, end) }, end: end + 1 };
}

function linkAt(text: string, at: number): Found | null {
  if (at > 0 && WORD.test(text[at - 1] ?? '')) return null;
  ADDRESS.lastIndex = at;
  const match = ADDRESS.exec(text);
  if (match === null) return null;
  const shown = withoutTrailing(match[0]);
  const href = safeAddress(shown);
  return href === null ? null : { node: { type: 'link', text: shown, href }, end: at + shown.length };
}

function markedAt(text: string, at: number, mark: Mark, open: ReadonlySet<Mark>, endless: Set<string>): Found | null {
  const inWord = at > 0 && WORD.test(text[at - 1] ?? '');
  const next = text[at + 1];
  if (inWord || endless.has(mark) || next === undefined || /\s/u.test(next) || next === mark) return null;
  for (let end = text.indexOf(mark, at + 2); end >= 0; end = text.indexOf(mark, end + 1)) {
    const endsWord = !/\s/u.test(text[end - 1] ?? ' ') && !WORD.test(text[end + 1] ?? '');
    if (!endsWord) continue;
    const children = inline(text.slice(at + 1, end), new Set([...open, mark]));
    return { node: { type: MARKS[mark], children }, end: end + 1 };
  }
  endless.add(mark);
  return null;
}

/** Sentences end in addresses, and addresses stand in brackets: what belongs to the sentence is taken off. */
function withoutTrailing(address: string): string {
  for (let shown = address; ; ) {
    const shorter = withoutBracket(shown.replace(TRAILING, ''));
    if (shorter === shown) return shown;
    shown = shorter;
  }
}

function withoutBracket(address: string): string {
  const pairs: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
  const opening = pairs[address.at(-1) ?? ''];
  return opening !== undefined && !address.includes(opening) ? address.slice(0, -1) : address;
}

/** An address that a click may lead to: not one that pretends to be of another host by a name before `@`. */
function safeAddress(address: string): string | null {
  try {
    const url = new URL(address);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.username === '' && url.password === '' ? url.href : null;
  } catch {
    return null;
  }
}
