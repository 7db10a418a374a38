// Fails when the page's script is larger than it may be. Run it after `npm run build`.

import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BYTES_MAX = 200_000;

const folder = new URL('../dist/', import.meta.url);
const scripts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
const sizes = scripts.map((name) => ({
  name,
  bytes: gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length,
}));
const sum = sizes.reduce((all, { bytes }) => all + bytes, 0);

for (const { name, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
  console.log(`${String(bytes).padStart(8)}  ${name}`);
}
console.log(`${String(sum).padStart(8)}  bytes of script, compressed; ${BYTES_MAX} may be`);
if (scripts.length === 0 || sum > BYTES_MAX) process.exit(1);
