import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'support/setup.ts',
    testTimeout: 40_000,
    hookTimeout: 20_000,
    // Each file has a browser and a server of its own.
    maxWorkers: 2,
  },
});
