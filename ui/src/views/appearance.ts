/** Puts the theme and the organisation's colour on the page. */

import { accentsOf } from '../style/brand';
import type { Theme } from './preferences.svelte';

const DARK = '(prefers-color-scheme: dark)';

/** Applies both now and whenever the system changes its mind; returns how to stop. */
export function dress(root: HTMLElement, theme: Theme, colour: string | null): () => void {
  const system = window.matchMedia(DARK);
  const apply = (): void => {
    const chosen = theme === 'system' ? (system.matches ? 'dark' : 'light') : theme;
    root.dataset['theme'] = chosen;
    paint(root, colour, chosen);
  };
  apply();
  system.addEventListener('change', apply);
  return () => system.removeEventListener('change', apply);
}

function paint(root: HTMLElement, colour: string | null, theme: 'light' | 'dark'): void {
  const accents = colour === null ? null : accentsOf(colour, theme);
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) root.style.removeProperty(name);
    else root.style.setProperty(name, value);
  };
  set('--accent', accents?.accent);
  set('--accent-hover', accents?.accentHover);
  set('--on-accent', accents?.onAccent);
  set('--accent-ink', accents?.accentInk);
  set('--accent-soft', accents?.accentSoft);
}
