import { defineConfig } from 'vitest/config';

/** What `make bench` measures of the page: one measure at a time, and nothing is tried twice. */
export default defineConfig({
  test: {
    include: ['bench/**/*.bench.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});
