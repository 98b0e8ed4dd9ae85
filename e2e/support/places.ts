/** Where the things are that these tests are about. What is missing fails the run: without it nothing is proved. */
import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of these tests. */
export const E2E = dirname(dirname(fileURLToPath(import.meta.url)));

/** The folder of the project. */
export const REPOSITORY = dirname(E2E);

/** Pictures of every page that a test has opened, made anew by each run. */
export const SCREENSHOTS = resolve(E2E, 'screenshots');

/** The program under test. */
export const PROGRAM = resolve(process.env.DOWNLINK_BIN || resolve(REPOSITORY, 'target/release/downlink'));

/** The browser. */
export const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';

/** The Python of the classic example; it has to have `httpx`. */
export const PYTHON = process.env.PYTHON || 'python3';

/** Fails unless program and browser can be run. */
export function demandThem(): void {
  for (const [what, path, variable] of [
    ['program (`cargo build --release` makes it)', PROGRAM, 'DOWNLINK_BIN'],
    ['Chromium', CHROMIUM, 'CHROMIUM'],
  ] as const) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      throw new Error(`There is no ${what} at ${path}; ${variable} may name another place.`);
    }
  }
}
