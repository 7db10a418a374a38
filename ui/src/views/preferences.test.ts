import { describe, expect, it } from 'vitest';
import { checked } from './preferences.svelte';

describe('stored preferences', () => {
  it('are the usual ones when nothing is stored, or something else', () => {
    const usual = checked({});
    expect(usual).toMatchObject({ name: '', theme: 'system', camera: false, send: 'auto' });
    for (const stored of [null, 7, 'dark', []]) expect(checked(stored)).toEqual(usual);
  });

  it('are taken where they fit and left out where they do not', () => {
    const read = checked({ name: 'Ada', theme: 'purple', camera: true, microphone: 'yes', send: 'low', receive: 9, extra: 1 });
    expect(read).toEqual({ ...checked({}), name: 'Ada', camera: true, send: 'low' });
  });
});
