/** What a person has chosen on this device; kept between visits where the browser allows it. */

import type { QualityChoice } from '../wire';

export type Theme = 'light' | 'dark' | 'system';

export interface Preferences {
  name: string;
  theme: Theme;
  /** Switched on when joining. */
  microphone: boolean;
  camera: boolean;
  /** Our own picture as in a mirror; the others see it as it is. */
  mirror: boolean;
  /** Notes of the system while the window is not in front. */
  notes: boolean;
  /** A sound when a span of the shared clock begins. */
  gong: boolean;
  /** The film is quieter while somebody speaks. */
  duckFilm: boolean;
  send: QualityChoice;
  receive: QualityChoice;
}

const KEY = 'conclave.preferences';

const USUAL: Preferences = {
  name: '',
  theme: 'system',
  microphone: true,
  camera: false,
  mirror: true,
  notes: false,
  gong: true,
  duckFilm: true,
  send: 'auto',
  receive: 'auto',
};

export const preferences: Preferences = $state(read());

/** Changes some and keeps them. */
export function prefer(change: Partial<Preferences>): void {
  Object.assign(preferences, change);
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Private windows and full disks: the choice lasts as long as the page.
  }
}

function read(): Preferences {
  try {
    return checked(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
  } catch {
    return { ...USUAL };
  }
}

/** What is stored may be of another version, or changed by hand: only what fits is taken. */
export function checked(stored: unknown): Preferences {
  const found: Record<string, unknown> = typeof stored === 'object' && stored !== null ? { ...stored } : {};
  const flag = (key: 'microphone' | 'camera' | 'mirror' | 'notes' | 'gong' | 'duckFilm'): boolean => {
    const value = found[key];
    return typeof value === 'boolean' ? value : USUAL[key];
  };
  const quality = (key: 'send' | 'receive'): QualityChoice => {
    const value = found[key];
    return value === 'low' || value === 'normal' || value === 'high' ? value : 'auto';
  };
  const theme = found['theme'];
  return {
    name: typeof found['name'] === 'string' ? found['name'].slice(0, 400) : '',
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    microphone: flag('microphone'),
    camera: flag('camera'),
    mirror: flag('mirror'),
    notes: flag('notes'),
    gong: flag('gong'),
    duckFilm: flag('duckFilm'),
    send: quality('send'),
    receive: quality('receive'),
  };
}
