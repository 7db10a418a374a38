/** Templates that rooms are set up by: those that are always there, and those that somebody has saved. */

import type { Template } from '../wire';

/** The built-in ones of `proto/wire/src/template.rs`. */
export const BUILTIN = ['meeting', 'presentation', 'study', 'watch', 'open_house'] as const;
export type Builtin = (typeof BUILTIN)[number];

export function isBuiltin(name: string): name is Builtin {
  return BUILTIN.some((known) => known === name);
}

/** Those that somebody has saved here, in order of names. */
export function savedTemplates(all: readonly Template[]): Template[] {
  return all.filter(({ name }) => !isBuiltin(name)).sort((a, b) => a.name.localeCompare(b.name));
}
