import { describe, expect, it } from 'vitest';
import { accentsOf, contrastRatio } from './brand';
import css from './tokens.css?raw';

function tokens(selector: string): Record<string, string> {
  const from = css.indexOf(`${selector} {`);
  const block = css.slice(from, css.indexOf('\n}', from));
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/gu)].map(([, name, colour]) => [name ?? '', colour ?? '']));
}

const themes = { light: tokens(':root'), dark: tokens(":root[data-theme='dark']") };

/** Text on each of these grounds (WCAG 2.1, 1.4.3), then marks beside them (1.4.11). */
const GROUNDS = ['ground', 'sunken', 'surface', 'raised', 'hover', 'press'];
const TEXTS: [string, string[]][] = [
  ['ink', [...GROUNDS, 'stage', 'accent-soft', 'danger-soft', 'warn-soft', 'good-soft']],
  ['ink-soft', [...GROUNDS, 'stage', 'accent-soft']],
  ['accent-ink', [...GROUNDS, 'accent-soft']],
  ['on-accent', ['accent', 'accent-hover']],
  ['on-danger', ['danger', 'danger-hover']],
  ['danger-ink', [...GROUNDS, 'danger-soft']],
  ['warn-ink', ['warn-soft', 'ground', 'surface', 'raised']],
  ['good-ink', ['good-soft', 'ground', 'surface', 'raised']],
  ['tile-ink', ['tile']],
];
const MARKS: [string, string[]][] = [
  ['line-strong', ['ground', 'surface', 'raised', 'sunken']],
  ['accent', ['ground', 'surface', 'raised', 'sunken']],
  ['good-fill', ['ground', 'surface', 'raised', 'sunken']],
  ['warn-fill', ['ground', 'surface', 'raised', 'sunken']],
  ['speaking', ['stage', 'tile', 'surface']],
  ['focus', [...GROUNDS, 'stage', 'tile']],
];

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const of = (name: string): string => {
    const colour = themes[theme][name];
    if (colour === undefined) throw new Error(`no --${name}`);
    return colour;
  };

  it.each(TEXTS)('lets --%s be read on its grounds', (ink, grounds) => {
    const tooWeak = grounds.filter((ground) => contrastRatio(of(ink), of(ground)) < 4.5);
    expect(tooWeak).toEqual([]);
  });

  it.each(MARKS)('lets --%s be seen on its grounds', (mark, grounds) => {
    const tooWeak = grounds.filter((ground) => contrastRatio(of(mark), of(ground)) < 3);
    expect(tooWeak).toEqual([]);
  });

  it.each(['#000000', '#ffffff', '#ffe600', '#00ff00', '#7f7f7f', '#1c2fa8', '#d40055'])(
    'makes readable accents of the organisation’s %s',
    (colour) => {
      const accents = accentsOf(colour, theme);
      if (accents === null) throw new Error('a colour');
      expect(contrastRatio(accents.onAccent, accents.accent)).toBeGreaterThanOrEqual(4.5);
      for (const ground of [...GROUNDS.map(of), accents.accentSoft]) {
        expect(contrastRatio(accents.accentInk, ground)).toBeGreaterThanOrEqual(4.5);
      }
    },
  );
});

describe('a colour of the organisation', () => {
  it('has the contrast ratios that WCAG names', () => {
    expect(contrastRatio('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrastRatio('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  });

  it.each(['red', '#fff', '', 'url(x)', '#12345g'])('is left out when it is %j', (colour) => {
    expect(accentsOf(colour, 'light')).toBeNull();
  });
});
