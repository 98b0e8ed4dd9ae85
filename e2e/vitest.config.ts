import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'support/setup.ts',
    // The deadlines say that something hangs, not that it is slow: the machine may have other work. Those inside a
    // test are shorter, since they can say what they waited for.
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Each file has a server of its own, and waits a third of its time: three of them keep two cores busy. The files that a
    // worker runs share its browsers and what they import, which takes seconds to start.
    maxWorkers: 3,
    isolate: false,
    // Tests that are said to be concurrent mostly wait: so many of a file may do so at once.
    maxConcurrency: 4,
  },
});
