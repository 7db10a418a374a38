/** The organisation's colour made into accents that stand off enough from the grounds of both themes. */

interface Rgb {
  r: number;
  g: number;
  b: number;
}

export interface Accents {
  accent: string;
  accentHover: string;
  onAccent: string;
  accentInk: string;
  accentSoft: string;
}

/** WCAG 2.1, 1.4.3. */
const TEXT_CONTRAST_MIN = 4.5;
const STEPS = 100;

const GROUNDS = {
  light: { dim: '#e4e1da', soft: 0.86, toward: '#000000', base: '#ffffff' },
  dark: { dim: '#343b43', soft: 0.78, toward: '#ffffff', base: '#15181c' },
} as const;

/** Accents for one theme from `#rrggbb`; null when it is not such a colour. */
export function accentsOf(colour: string, theme: 'light' | 'dark'): Accents | null {
  const brand = parse(colour);
  if (brand === null) return null;
  const ground = GROUNDS[theme];
  const toward = rgb(ground.toward);
  const soft = mix(brand, rgb(ground.base), ground.soft);
  const grounds = [rgb(ground.dim), rgb(ground.base), soft];
  const ink = until(brand, toward, (tried) => grounds.every((one) => contrast(tried, one) >= TEXT_CONTRAST_MIN));
  const on = contrast(ink, rgb('#ffffff')) >= contrast(ink, rgb('#101214')) ? '#ffffff' : '#101214';
  return {
    accent: hex(ink),
    accentHover: hex(mix(ink, toward, 0.15)),
    onAccent: on,
    accentInk: hex(ink),
    accentSoft: hex(soft),
  };
}

/** Contrast ratio of two colours, 1 to 21 (WCAG 2.1, definition of contrast ratio). */
export function contrastRatio(a: string, b: string): number {
  return contrast(rgb(a), rgb(b));
}

function until(from: Rgb, toward: Rgb, enough: (colour: Rgb) => boolean): Rgb {
  for (let step = 0; step <= STEPS; step += 1) {
    const tried = mix(from, toward, step / STEPS);
    if (enough(tried)) return tried;
  }
  return toward;
}

function parse(colour: string): Rgb | null {
  return /^#[0-9a-f]{6}$/iu.test(colour) ? rgb(colour) : null;
}

function rgb(colour: string): Rgb {
  const n = Number.parseInt(colour.slice(1), 16);
  return { r: (n >> 16) & 255, g: (n >> 8) & 255, b: n & 255 };
}

function hex({ r, g, b }: Rgb): string {
  return `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  // Whole numbers, so that what is measured is what is shown.
  const part = (x: number, y: number): number => Math.round(x + (y - x) * share);
  return { r: part(a.r, b.r), g: part(a.g, b.g), b: part(a.b, b.b) };
}

function contrast(a: Rgb, b: Rgb): number {
  const x = luminance(a);
  const y = luminance(b);
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** Relative luminance (WCAG 2.1). */
function luminance({ r, g, b }: Rgb): number {
  const linear = (part: number): number => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
