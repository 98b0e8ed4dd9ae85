/** The test function of the acceptance list: the same tests, once in each browser. */
import { describe } from 'vitest';
import { ENGINES, type Engine, type EngineName, Tabs, start } from './engines.ts';
import { test } from './test.ts';

interface Fixtures {
  engine: Engine;
  /** The test's pages in that browser. */
  tabs: Tabs;
}

/** A test in this browser, before the file's server with an application of test pages (`world`). */
function testIn(name: EngineName) {
  return test.extend<Fixtures>({
    engine: [
      async ({}, use) => {
        const engine = await start(name);
        await use(engine);
        await engine.close();
      },
      { scope: 'worker' },
    ],
    tabs: async ({ engine, task, onTestFailed }, use) => {
      const tabs = new Tabs(engine, task.name);
      // Most tests look at what they are about, and some have errors in the console on purpose.
      onTestFailed(() => console.error(`${task.name}: what went wrong in its pages:`, tabs.problems));
      await use(tabs);
      await tabs.close();
    },
  });
}

type Test = ReturnType<typeof testIn>;
type Define = (test: Test) => void;

/** Made once: browsers take long to start, so the files that one worker runs share one of each kind. */
const TESTS = Object.fromEntries(ENGINES.map((name) => [name, testIn(name)])) as Record<EngineName, Test>;

/** Defines tests once for each browser; to be called at the top of a file. */
export function inEachBrowser(define: Define): void {
  for (const name of ENGINES) describe(name, () => define(TESTS[name]));
}

/** The same for tests that mostly wait: all of them, in both browsers, at once. */
export function inBothAtOnce(define: Define): void {
  for (const name of ENGINES) describe.concurrent(name, () => define(TESTS[name]));
}
