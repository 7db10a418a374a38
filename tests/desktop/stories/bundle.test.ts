/** The Debian package, unpacked: what it needs, what it brings, and that its program starts. */

import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROGRAMS } from '../../browser/src/server';
import { Driver } from '../src/driver';
import { Machine } from '../src/machine';

/** Where `scripts/desktop-stories` leaves it. */
const FOLDER = join(PROGRAMS, '..', 'unpacked', 'debug', 'bundle', 'deb');

it('the package names what it needs, registers its links, and starts', async () => {
  const name = existsSync(FOLDER) ? readdirSync(FOLDER).find((file) => file.endsWith('.deb')) : undefined;
  if (name === undefined) throw new Error(`there is no package in ${FOLDER}: run scripts/desktop-stories`);
  const machine = await Machine.start({ sound: false });
  try {
    const root = join(machine.home, 'root');
    await machine.run('dpkg-deb', '-x', join(FOLDER, name), root);
    const needs = await machine.run('dpkg-deb', '-f', join(FOLDER, name), 'Depends');
    for (const need of ['libwebkit2gtk-4.1-0', 'libasound2', 'libxcb-randr0', 'libxcb-shm0']) expect(needs).toContain(need);
    const entry = await readFile(join(root, 'usr/share/applications/Conclave.desktop'), 'utf8');
    expect(entry).toContain('x-scheme-handler/conclave');
    expect(entry).toContain('Exec=conclave %u');
    const program = join(root, 'usr/bin/conclave');
    expect(await machine.run(program, '--version')).toMatch(/^conclave \d/u);
    const window = await Driver.open(machine, program, []);
    await window.waitFor('Join');
    await window.close();
  } finally {
    await machine.stop();
  }
});
