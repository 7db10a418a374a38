/**
 * Where an upload goes on after the page was loaded again: the same file, chosen once more, is known by
 * its name, size and time of change.
 */

import type { Store } from '../link/seat';

const KEY = 'conclave.upload.';

/** The part of `File` that names it. */
export type Named = Pick<File, 'name' | 'size' | 'lastModified'>;

export class UploadNote {
  private readonly key: string;

  constructor(
    private readonly store: Store | undefined,
    slug: string,
    file: Named,
  ) {
    this.key = `${KEY}${slug} ${file.size} ${file.lastModified} ${file.name}`;
  }

  /** The upload's address at the server. */
  read(): string | null {
    try {
      return this.store?.getItem(this.key) ?? null;
    } catch {
      return null;
    }
  }

  write(location: string): void {
    try {
      this.store?.setItem(this.key, location);
    } catch {
      // Full or forbidden: after a reload it begins anew, and all else works.
    }
  }

  remove(): void {
    try {
      this.store?.removeItem(this.key);
    } catch {
      // A storage that cannot be written keeps nothing worth removing.
    }
  }
}
