/** What a browser has to watch a film with: its own `<video>`, and a window to choose a file. */

import { startHashing } from './identity';
import type { FilmPort } from './types';

export const pageFilms: FilmPort = {
  players: () =>
    Promise.resolve([
      { kind: 'page', can: true },
      { kind: 'mpv', can: 'not_in_browsers' },
      { kind: 'vlc', can: 'not_in_browsers' },
    ]),

  hash: (source, progress) =>
    source.type === 'file' ? startHashing(source.file, progress) : { sha256: Promise.resolve(null), stop: () => undefined },

  choose() {
    const input = document.createElement('input');
    input.type = 'file';
    input.accept = 'video/*,audio/*,.mkv';
    return new Promise((done) => {
      input.addEventListener('cancel', () => done(null));
      input.addEventListener('change', () => {
        const file = input.files?.[0];
        done(file === undefined ? null : { type: 'file', file });
      });
      input.click();
    });
  },
};
