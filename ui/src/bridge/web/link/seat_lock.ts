/**
 * One tab a seat: a tab that is duplicated takes what this one remembers along, and would take its seat
 * over. Locks are let go when a page is gone.
 */

/** Seats of this tab, each with how to let it go. */
const held = new Map<string, () => void>();
/** A page that is loaded again may come before the one it replaces has let go. */
const WAIT_MS = 1_000;

/** Whether the seat is this tab's from now on. Browsers without locks take it on trust. */
export async function holdSeat(seatToken: string): Promise<boolean> {
  if (held.has(seatToken)) return true;
  // Old browsers have none.
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return true;
  return new Promise((decided) => {
    const name = `conclave.seat ${seatToken}`;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), WAIT_MS);
    const holding = locks.request(name, { signal: late.signal }, () => {
      clearTimeout(timer);
      decided(true);
      // Until it is let go, or the page is gone.
      return new Promise<void>((release) => held.set(seatToken, release));
    });
    holding.catch(() => decided(false));
  });
}

/** The seat is given up. */
export function letGoOfSeat(seatToken: string): void {
  held.get(seatToken)?.();
  held.delete(seatToken);
}
