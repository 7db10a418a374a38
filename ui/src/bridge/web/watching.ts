/** Tells the room which cameras are visible, when that has changed and not too often. */

import type { Command, ParticipantId, Reply, Watch } from '../../wire';
import type { WatchedTile } from '../types';

/** A page that is scrolled or resized changes its mind many times in a moment. */
const SETTLE_MS = 60;

export class Watching {
  private wanted: Watch[] = [];
  private told = '[]';
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly you: ParticipantId,
    private readonly ask: (command: Command) => Promise<Reply>,
  ) {}

  set(tiles: readonly WatchedTile[]): void {
    this.wanted = tiles
      .filter(({ source }) => source !== this.you)
      .map(({ source, layer, pinned }) => ({ source, layer_max: layer, pinned }));
    this.timer ??= setTimeout(() => this.tell(), SETTLE_MS);
  }

  /** There is a new welcome: the room may have forgotten it. */
  renew(): void {
    this.told = '[]';
    this.tell();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private tell(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const watch = this.wanted;
    const words = JSON.stringify(watch);
    if (words === this.told) return;
    this.told = words;
    // What is refused is told anew with the next change; cameras of people who have just left are.
    this.ask({ type: 'watch_cameras', payload: { watch } }).catch(() => {
      this.told = '';
    });
  }
}
