/** A secret by which a server knows this browser again; it says nothing about anybody. */

const KEY = 'conclave.device_secret';
const BYTES = 16;

/** `undefined` where the browser keeps nothing. */
export function deviceSecret(): string | undefined {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept !== null) return kept;
    const drawn = crypto.getRandomValues(new Uint8Array(BYTES));
    const secret = Array.from(drawn, (byte) => byte.toString(16).padStart(2, '0')).join('');
    localStorage.setItem(KEY, secret);
    return secret;
  } catch {
    return undefined;
  }
}
