/** Our own studies, kept on this device: in the browser's storage, or in the settings of the desktop program. */

import type { Desktop } from '../../../bridge/types';
import { type OwnStudy, checkedStudy } from '../../../model/own_study';

const KEY = 'conclave.study';

let kept: OwnStudy = $state.raw(read());
let program: Pick<Desktop, 'keepStudy'> | null = null;
let unwritten: OwnStudy | null = null;
let writes = false;

export const ownStudy = {
  get now(): OwnStudy {
    return kept;
  },
  keep(own: OwnStudy): void {
    kept = own;
    if (program === null) {
      store(own);
      return;
    }
    unwritten = own;
    void write(program);
  },
  /** From now on they are kept there. What the storage has was not written there yet, and is newer. */
  async keepIn(desktop: Pick<Desktop, 'keepStudy' | 'ownStudy'>): Promise<void> {
    let found: unknown;
    try {
      found = await desktop.ownStudy();
    } catch {
      // What is there must not be written over unseen.
      return;
    }
    program = desktop;
    if (localStorage.getItem(KEY) !== null) this.keep(kept);
    else if (found !== null) kept = checkedStudy(found);
  },
};

function store(own: OwnStudy): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(own));
  } catch {
    // Private windows and full disks: it lasts as long as the page.
  }
}

/** One after the other, so that the newest is the one that stays. */
async function write(to: Pick<Desktop, 'keepStudy'>): Promise<void> {
  if (writes) return;
  writes = true;
  while (unwritten !== null) {
    const next = unwritten;
    unwritten = null;
    try {
      await to.keepStudy(next);
      localStorage.removeItem(KEY);
    } catch {
      store(next);
    }
  }
  writes = false;
}

/** A day of the local calendar, like `2026-03-01`. */
export function dayOf(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function read(): OwnStudy {
  try {
    return checkedStudy(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
  } catch {
    return checkedStudy(null);
  }
}
