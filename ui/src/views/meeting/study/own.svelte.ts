/** Our own studies, kept in the browser's storage of this device. */

import { type OwnStudy, checkedStudy } from '../../../model/own_study';

const KEY = 'conclave.study';

let kept: OwnStudy = $state.raw(read());

export const ownStudy = {
  get now(): OwnStudy {
    return kept;
  },
  keep(own: OwnStudy): void {
    kept = own;
    try {
      localStorage.setItem(KEY, JSON.stringify(own));
    } catch {
      // Private windows and full disks: it lasts as long as the page.
    }
  },
};

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
