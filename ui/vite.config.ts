import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { compress } from './tools/compress.ts';
import { notices, used } from './tools/notices.ts';

/** What carries the meeting, by build mode: `vite --mode fake` needs no server. */
const BRIDGES: Record<string, string> = {
  fake: './src/bridge/fake/index.ts',
  test: './src/bridge/fake/index.ts',
  desktop: './src/bridge/tauri.ts',
};
const WEB = './src/bridge/web/index.ts';

/** Where `npm run dev` finds the server that it borrows rooms from. */
const SERVER = process.env['CONCLAVE_SERVER'] ?? 'https://127.0.0.1:7443';

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), notices(), ...(mode === 'desktop' ? [] : [compress()])],
  resolve: {
    alias: {
      '#bridge': fileURLToPath(new URL(BRIDGES[mode] ?? WEB, import.meta.url)),
    },
    // Tests of views run the browser's half of Svelte, not the server's.
    ...(mode === 'test' ? { conditions: ['browser'] } : {}),
  },
  build: {
    // The desktop program has a page of its own.
    outDir: mode === 'desktop' ? 'dist-desktop' : 'dist',
    // The oldest browsers that can join at all (J9).
    target: ['chrome90', 'edge90', 'firefox88', 'safari14'],
    // Everything is a file of its own: the page's policy allows no inline script or style.
    assetsInlineLimit: 0,
    // `npm run size` is the limit that counts.
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
  worker: { format: 'es', plugins: () => [used()] },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/ws', '/screen', '/s/', '/authority.crt', '/logo'].map((path) => [
        path,
        // `secure: false`: the server's certificate is its own; this is a proxy on one machine.
        {
          target: SERVER,
          secure: false,
          changeOrigin: true,
          // The server talks to its own pages only; this one is as good as its own.
          headers: { origin: SERVER },
          ws: path === '/ws' || path === '/screen',
        },
      ]),
    ),
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
    // Read by the test that measures the contrast of its colours; other styles do nothing in tests.
    css: { include: [/tokens\.css/u] },
    // Tests wait for things, never for time; a busy machine is no failure.
    testTimeout: 60_000,
  },
}));
