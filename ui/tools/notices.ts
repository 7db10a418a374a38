/** A step of the build: `licences.txt`, the notices of every package that is in the page, as their licences want it. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const PACKAGE = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//u;
const NOTICE = /^(?:licen[cs]e|copying|notice)(?:[._-].*)?$/iu;

/** Folders of packages by their names, of the page and of its workers, which are built before it is written. */
const packages = new Map<string, string>();

/** For what the workers are made of. */
export function used(): Plugin {
  return {
    name: 'used',
    apply: 'build',
    transform(_, id) {
      const [, folder, name] = PACKAGE.exec(id.replace(/^\0/u, '')) ?? [];
      if (folder !== undefined && name !== undefined) packages.set(name, folder);
    },
  };
}

/** For the page. */
export function notices(): Plugin {
  return {
    ...used(),
    name: 'notices',
    async generateBundle() {
      const names = [...packages.keys()].sort();
      const texts = await Promise.all(names.map((name) => noticeOf(name, packages.get(name) ?? '')));
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n') });
    },
  };
}

async function noticeOf(name: string, folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => NOTICE.test(file)).sort();
  if (files.length === 0) throw new Error(`${name} comes without its licence`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`==== ${name}`, ...texts].join('\n\n');
}
