// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Component } from 'svelte';
import { format } from '../../../model/format';
import type { Line } from '../../../wire';
import { all, show } from '../../testing';
import ChatLine from './ChatLine.svelte';
import Formatted from './Formatted.svelte';

let hide: () => void = () => undefined;
afterEach(() => {
  hide();
  document.body.replaceChildren();
});

function line(text: string, more: Partial<Line> = {}): Line {
  return { id: 1, from: 2, name: 'Ada', kind: { type: 'said' }, text, at_ms: 0, deleted: false, ...more };
}

function showLine(shown: Line): void {
  const props = { line: shown, follows: false, pointed: false, mine: false, files: [], mayDelete: false, ondelete: vi.fn(), ondownload: vi.fn() };
  hide = show(ChatLine as Component<typeof props>, props);
}

describe('what was written', () => {
  it.each([
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    '*<b>bold</b>* `<i>` "&amp;"',
    '<svg/onload=alert(1)>',
  ])('is shown as text: %s', (text) => {
    hide = show(Formatted, { nodes: format(text) });
    expect(all('img, script, svg, b, i')).toEqual([]);
    expect(document.body.textContent.trim()).toBe(text.replaceAll(/[*`]/gu, ''));
  });

  it('has links that tell the other side nothing and go nowhere but to the web', () => {
    hide = show(Formatted, { nodes: format('https://a.example/x javascript:alert(1) data:text/html,x') });
    const links = all('a');
    expect(links.map((link) => link.getAttribute('href'))).toEqual(['https://a.example/x']);
    expect(links[0]?.getAttribute('rel')).toBe('noreferrer noopener');
  });

  it('is bold, italic and code where it is marked', () => {
    hide = show(Formatted, { nodes: format('*a* _b_ `c`') });
    expect(all('strong, em, code').map((node) => node.textContent)).toEqual(['a', 'b', 'c']);
  });

  it('is whole when it is as long as a line can be', () => {
    showLine(line('ẞ'.repeat(10_000)));
    expect(all('.text')[0]?.textContent.trim()).toHaveLength(10_000);
  });
});

describe('a line', () => {
  it('shows the name as text, whatever it is made of', () => {
    showLine(line('hello', { name: '<b>Ada</b>\u202e' }));
    expect(all('.name bdi').map((name) => name.textContent)).toEqual(['<b>Ada</b>\u202e']);
    expect(all('.name b')).toEqual([]);
  });

  it('that was taken back says so and nothing else', () => {
    showLine(line('', { deleted: true }));
    expect(all('.deleted')).toHaveLength(1);
    expect(all('.text')).toEqual([]);
  });

  it('of a file that is gone says so', () => {
    showLine(line('plan.pdf', { kind: { type: 'file', payload: { file: 9 } } }));
    expect(document.body.textContent).toContain('plan.pdf');
    expect(document.body.textContent).toContain('not there any more');
    expect(all('button')).toEqual([]);
  });
});
