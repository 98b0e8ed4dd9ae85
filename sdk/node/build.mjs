/**
 * Makes `dist/` of `src/`.
 *
 * npm runs this too, as `prepare`, when an application depends on this folder (`npm install ../downlink/sdk/node`). The
 * compiler is then not there yet, and npm does not bring it: what a linked folder needs is the folder's own business.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

function run(command, ...args) {
  // Output goes to stderr: `npm pack --json` is read from stdout.
  const { status, error } = spawnSync(command, args, { cwd: here, stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', import.meta.url));
if (!existsSync(compiler)) {
  run('npm', 'ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund');
}
rmSync(new URL('dist', import.meta.url), { recursive: true, force: true });
run(process.execPath, compiler, '--project', 'tsconfig.build.json');
