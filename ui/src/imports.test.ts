/** Who may know whom in here, and what is deliberately absent (docs/ARCHITECTURE.md, "The page"). */

import { describe, expect, it } from 'vitest';

const sources = import.meta.glob<string>('./**/*.{ts,svelte}', { query: '?raw', import: 'default', eager: true });

interface Import {
  by: string;
  /** Folder-relative names are made whole: `./model/chat`. */
  what: string;
}

const IMPORT = /(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/gu;
const files = Object.keys(sources).filter((path) => !path.endsWith('.test.ts'));
const imports: Import[] = files.flatMap((by) =>
  [...(sources[by] ?? '').matchAll(IMPORT)].map(([, name = '']) => ({ by, what: whole(by, name) })),
);

function whole(by: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const folder = by.split('/').slice(0, -1);
  for (const step of name.split('/')) {
    if (step === '..') folder.pop();
    else if (step !== '.') folder.push(step);
  }
  return folder.join('/');
}

const within = (path: string, folder: string) => path.startsWith(`./${folder}/`);
const broken = (rule: (one: Import) => boolean) => imports.filter(rule).map(({ by, what }) => `${by} imports ${what}`);

describe('imports', () => {
  it('are found at all', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports).toContainEqual({ by: './model/replica.ts', what: './wire' });
  });

  it('of an implementation of the bridge are nowhere but in itself', () => {
    const implementation = (path: string) => within(path, 'bridge') && path !== './bridge/types';
    expect(broken(({ by, what }) => implementation(what) && !within(by, 'bridge'))).toEqual([]);
  });

  it('of the desktop are in its bridge alone', () => {
    expect(broken(({ by, what }) => what.startsWith('@tauri-apps') && by !== './bridge/tauri.ts')).toEqual([]);
  });

  it('of the model are of words, the contract and itself', () => {
    const known = (what: string) => what === './wire' || what === './bridge/types' || within(what, 'model');
    expect(broken(({ by, what }) => within(by, 'model') && !known(what))).toEqual([]);
  });

  it('of parts are of parts and texts: they know nothing of meetings', () => {
    const foreign = (what: string) => ['model', 'views', 'bridge', 'wire'].some((name) => `${what}/`.startsWith(`./${name}/`));
    expect(broken(({ by, what }) => within(by, 'parts') && (foreign(what) || what === '#bridge'))).toEqual([]);
  });

  it('of views are not those of what carries a meeting', () => {
    expect(broken(({ by, what }) => within(by, 'bridge') && within(what, 'views'))).toEqual([]);
  });
});

describe('what is absent', () => {
  const having = (what: RegExp) => files.filter((path) => what.test(sources[path] ?? ''));

  it('is HTML made of text', () => {
    expect(having(/\{@html|innerHTML|insertAdjacentHTML|document\.write/u)).toEqual([]);
  });

  it('is a style in markup, which the policy of the page refuses', () => {
    expect(having(/\sstyle="[^"{]*"/u)).toEqual([]);
  });

  it('is any', () => {
    expect(having(/:\s*any\b|<any>|as any\b|@ts-ignore|@ts-nocheck/u)).toEqual([]);
  });

  it('is the page, in the model', () => {
    const page = /\b(?:document|window|localStorage|navigator)\.|\bperformance\.now\(\)(?!`)|\bDate\.now\(/u;
    expect(having(page).filter((path) => within(path, 'model'))).toEqual([]);
  });
});
