// Fails when the page's script is larger than it may be. Run it after `npm run build`.
//
// What is loaded at first is the script that index.html names, and what that imports at once; panels, workers and
// the like come later, when somebody opens them, and have a limit of their own together.

import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { gzipSync } from 'node:zlib';

const FIRST_BYTES_MAX = 200_000;
const LATER_BYTES_MAX = 100_000;

const folder = new URL('../dist/', import.meta.url);
/** @param {string} name */
const read = (name) => readFileSync(new URL(name, folder), 'utf8');
const scripts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));

/**
 * Of the page itself, and by static imports what they need.
 * @type {Set<string>}
 */
const first = new Set();
const wanted = [...read('index.html').matchAll(/(?:src|href)="\/?([^"]+\.js)"/g)].map(([, name]) => String(name));
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  if (first.has(name) || !scripts.includes(name)) continue;
  first.add(name);
  for (const [, path] of read(name).matchAll(/(?:\bfrom|\bimport)\s*["'](\.[^"']+\.js)["']/g)) {
    wanted.push(posix.join(posix.dirname(name), String(path)));
  }
}

const sizes = scripts.map((name) => ({
  name,
  when: first.has(name) ? 'first' : 'later',
  bytes: gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length,
}));
/** @param {'first' | 'later'} when */
const sum = (when) => sizes.filter((size) => size.when === when).reduce((all, { bytes }) => all + bytes, 0);

for (const { name, when, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
  console.log(`${String(bytes).padStart(8)}  ${when}  ${name}`);
}
console.log(`${String(sum('first')).padStart(8)}  bytes of script at first, compressed; ${FIRST_BYTES_MAX} may be`);
console.log(`${String(sum('later')).padStart(8)}  bytes of script later, compressed; ${LATER_BYTES_MAX} may be`);
if (first.size === 0 || sum('first') > FIRST_BYTES_MAX || sum('later') > LATER_BYTES_MAX) process.exit(1);
