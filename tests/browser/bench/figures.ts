/** What a measure says: figures, and how they stand to what must be reached. `conclave-bench` makes the page of it. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../src/server';

/** As `tests/crowd/src/bench/browser.rs` reads it. */
interface Figures {
  rows: { what: string; figure: string }[];
  at_most: { what: string; limit: number; measured: number; unit: string; why: string }[];
}

const FOLDER = process.env['CONCLAVE_BENCH_OUT'] ?? join(ROOT, 'target', 'bench-page');
/** To see that it works, not what it reaches. */
export const QUICK = process.env['CONCLAVE_BENCH_QUICK'] === '1';

export class Measured {
  private readonly figures: Figures = { rows: [], at_most: [] };

  row(what: string, figure: string): void {
    this.figures.rows.push({ what, figure });
  }

  /** `why` is shown only when it is not met. */
  atMost(what: string, limit: number, measured: number, unit: string, why: string): void {
    this.figures.at_most.push({ what, limit, measured, unit, why });
  }

  /** Percentiles of times as a row, and their p95. */
  times(what: string, ms: readonly number[]): number {
    const of = (share: number): string => percentile(ms, share).toFixed(0);
    this.row(what, `p50 ${of(0.5)} ms, p95 ${of(0.95)} ms, longest ${of(1)} ms (of ${ms.length})`);
    return percentile(ms, 0.95);
  }

  async write(name: string): Promise<void> {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(join(FOLDER, `${name}.json`), JSON.stringify(this.figures));
    console.log(JSON.stringify(this.figures, null, 1));
  }
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? 0;
}
