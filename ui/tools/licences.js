// Fails when a package has a licence that is not permissive. What only builds and tests may also be under
// the Mozilla Public License: nothing of it is in the page. Arguments are lock files of npm.

import { readFileSync } from 'node:fs';

const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  // Of fonts: they may be bundled with anything.
  'OFL-1.1',
  'Unlicense',
]);
const FOR_TOOLS = new Set([...PERMISSIVE, 'CC-BY-4.0', 'MPL-2.0', 'Python-2.0']);

/** Licences of packages that name none in their package.json, as their LICENSE file has it. */
/** @type {Record<string, string>} */
const NAMED_ELSEWHERE = { 'svelte-toolbelt': 'MIT' };

/** An SPDX expression: one of the alternatives is enough, of a conjunction all are needed. */
const allowed = (/** @type {string} */ expression, /** @type {Set<string>} */ set) =>
  expression
    .replace(/[()]/gu, '')
    .split(/ OR /u)
    .some((choice) => choice.split(/ AND /u).every((licence) => set.has(licence.trim())));

/** @typedef {{ license?: string, resolved?: string, dev?: boolean }} Package */

const locks = process.argv.slice(2);
let failed = locks.length === 0;

for (const path of locks) {
  /** @type {{ packages: Record<string, Package> }} */
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const packages = Object.entries(lock.packages)
    .filter(([folder]) => folder !== '')
    .map(([folder, { license, resolved, dev }]) => {
      const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { name, licence: license ?? NAMED_ELSEWHERE[name] ?? '', resolved, dev };
    });
  const refused = packages.filter(({ licence, dev }) => !allowed(licence, dev ? FOR_TOOLS : PERMISSIVE));
  for (const { name, licence } of refused) {
    console.error(`${name}: ${licence || 'no licence'} is not one of those that we use`);
  }
  // Where packages come from is npm's own configuration, which .npmrc beside the lock file keeps out of it.
  const placed = packages.filter(({ resolved }) => resolved !== undefined);
  if (placed.length > 0) console.error(`${path} says where ${placed.length} packages come from`);

  console.log(`${path}: ${packages.length} packages, ${refused.length} refused`);
  failed ||= packages.length === 0 || refused.length > 0 || placed.length > 0;
}
if (failed) process.exit(1);
