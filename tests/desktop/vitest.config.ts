import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['stories/**/*.test.ts'],
    // Two cores carry the server, windows and sound: one story at a time.
    fileParallelism: false,
    // Only ends a story that would fail anyway.
    testTimeout: 240_000,
    hookTimeout: 90_000,
  },
});
