/** Where the things are that these tests are about. What is missing fails the run: without it nothing is proved. */
import { spawnSync } from 'node:child_process';
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

/** The browsers. Chromium's headless shell is the same engine without windows: a page takes a quarter of the processor time. */
export const CHROMIUM = process.env.CHROMIUM_SHELL || '/usr/bin/chromium-headless-shell';
/** The whole Chromium, for what the shell has not. */
export const WHOLE_CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';
export const FIREFOX = process.env.FIREFOX || '/usr/bin/firefox-esr';

/** The Python of the examples; it has to have what `examples/requirements.txt` names. */
export const PYTHON = process.env.PYTHON || 'python3';

/** Fails unless program, browser and Python can be run, and Python has what the example needs. */
export function demandThem(): void {
  for (const [what, path, variable] of [
    ['program (`cargo build --release` makes it)', PROGRAM, 'DOWNLINK_BIN'],
    ['headless shell of Chromium (Debian has it as `chromium-headless-shell`)', CHROMIUM, 'CHROMIUM_SHELL'],
    ['Chromium', WHOLE_CHROMIUM, 'CHROMIUM'],
    ['Firefox (Debian has it as `firefox-esr`)', FIREFOX, 'FIREFOX'],
  ] as const) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      throw new Error(`There is no ${what} at ${path}; ${variable} may name another place.`);
    }
  }
  const { status, stderr, error } = spawnSync(PYTHON, ['-c', 'import fastapi, httpx, uvicorn'], { encoding: 'utf8' });
  if (status !== 0) {
    const why = error?.message ?? stderr.trim().split('\n').at(-1);
    throw new Error(`The examples need a Python with what examples/requirements.txt names, and ${PYTHON} is none: ${why}.
      PYTHON may name another one; \`scripts/test e2e\` in the root installs one.`.replace(/\s+/g, ' '));
  }
}
