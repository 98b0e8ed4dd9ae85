/**
 * Makes the committed bundle: `dist/channel.js`, `dist/downlink.mjs` and `dist/downlink.d.ts`.
 *
 * `node build.mjs` writes it; `node build.mjs --check` writes nothing and fails unless it is fresh. Both fail when a
 * script has grown over its limit.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BANNER = '/* Downlink browser library, MIT OR Apache-2.0 */';

/** What a page pays for it, in gzipped bytes: 8 KB with the old API's face, 6 KB without. */
const LIMITS = { 'channel.js': 8 * 1024, 'downlink.mjs': 6 * 1024 };

/** One script as a minified text. The targets are the first browsers with private class fields and `??=`. */
async function script(entry, format) {
  const result = await build({
    entryPoints: [join(HERE, 'src', entry)],
    absWorkingDir: HERE,
    bundle: true,
    minify: true,
    format,
    target: ['chrome88', 'firefox90', 'safari15', 'node20'],
    charset: 'utf8',
    legalComments: 'none',
    banner: { js: BANNER },
    write: false,
  });
  return result.outputFiles[0].text;
}

/** The public types as one file: those of `api.ts`, then the class without its imports. */
function types() {
  const out = mkdtempSync(join(tmpdir(), 'downlink-types-'));
  try {
    const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', import.meta.url));
    execFileSync(process.execPath, [tsc, '-p', join(HERE, 'tsconfig.types.json'), '--outDir', out], { stdio: 'inherit' });
    const read = (name) => readFileSync(join(out, name), 'utf8');
    const channel = read('channel.d.ts').replace(/^(import|export type \*) .*\n/gm, '');
    return `${BANNER}\n\n${read('api.d.ts')}\n${channel}`;
  } finally {
    rmSync(out, { recursive: true });
  }
}

const bundle = {
  'channel.js': await script('classic.ts', 'iife'),
  'downlink.mjs': await script('channel.ts', 'esm'),
  'downlink.d.ts': types(),
};

const complaints = [];
for (const [name, limit] of Object.entries(LIMITS)) {
  const size = gzipSync(bundle[name], { level: 9 }).length;
  console.log(`dist/${name}: ${bundle[name].length} bytes, ${size} gzipped of at most ${limit}`);
  if (size > limit) complaints.push(`dist/${name} is over its limit`);
}

const check = process.argv.includes('--check');
mkdirSync(join(HERE, 'dist'), { recursive: true });
for (const [name, text] of Object.entries(bundle)) {
  const path = join(HERE, 'dist', name);
  if (!check) {
    writeFileSync(path, text);
    continue;
  }
  let committed;
  try {
    committed = readFileSync(path, 'utf8');
  } catch {
    committed = undefined;
  }
  if (committed !== text) complaints.push(`dist/${name} is not what the sources make: run \`npm run build\``);
}

for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length ? 1 : 0;
