/**
 * What the oldest browsers that can join (Chrome 90, Firefox 88, Safari 14) lack and our packages use.
 * Everything else in ui/ keeps to ES2022; what is newer is not among TypeScript's libraries here.
 */

/** ES2022: `at` of lists, typed lists and texts; the list of prototypes is that of the standard. */
function at(this: ArrayLike<unknown>, index: number): unknown {
  const whole = Math.trunc(index) || 0;
  return this[whole < 0 ? this.length + whole : whole];
}

function lacking(of: object, name: string, value: unknown): void {
  if (!(name in of)) Object.defineProperty(of, name, { value, writable: true, configurable: true });
}

for (const prototype of [Array.prototype, String.prototype, Object.getPrototypeOf(Uint8Array.prototype) as object]) {
  lacking(prototype, 'at', at);
}
lacking(Object, 'hasOwn', (of: object, name: PropertyKey) => Object.prototype.hasOwnProperty.call(of, name));
lacking(globalThis, 'structuredClone', (value: unknown): unknown => clone(value));

/** What our packages clone is plain data. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, clone(of)]));
}
