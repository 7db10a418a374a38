import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['stories/**/*.test.ts'],
    // Two cores carry the server and several browsers: one story at a time.
    fileParallelism: false,
    // Only ends a story that would fail anyway.
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
