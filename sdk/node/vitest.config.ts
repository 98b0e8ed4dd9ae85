import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The tests run what users install, never the files in `src`.
    alias: { 'downlink-sdk': fileURLToPath(new URL('dist/index.js', import.meta.url)) },
    // The deadlines say that something hangs, not that it is slow: the machine may have other work.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    unstubEnvs: true,
  },
});
