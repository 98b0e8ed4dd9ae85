/** What users install: the packed package, and this folder itself. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from 'downlink-sdk';
import { expect, test as base } from 'vitest';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** Longer than a test may take otherwise: npm installs the compiler in one of these. */
const INSTALL_MS = 240_000;

const test = base.extend<{ folder: string }>({
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'downlink-node-package-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

function npm(folder: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** An application that uses the package, without types and with them. */
function application(folder: string): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"name":"an-application","private":true,"type":"module"}');
  writeFileSync(join(folder, 'app.mjs'), `
    import { Client, DownlinkError, signToken, verifyNotice } from 'downlink-sdk';
    const client = new Client({ url: 'http://127.0.0.1:9', apiKey: 'a-key' });
    const failure = await client.send('ada', 'x').catch((error) => error);
    console.log(failure instanceof DownlinkError, signToken('ada', { key: 'k'.repeat(32) }).split('.').length, typeof verifyNotice);
  `);
  writeFileSync(join(folder, 'app.ts'), `
    import { Client, type ItemResult, type Notice, readNotice } from 'downlink-sdk';
    import { createServer } from 'node:http';
    const client = new Client();
    export const results: ItemResult[] = await client.sendMany([{ to: ['a', 'b'], data: new Uint8Array(1) }]);
    for (const result of results) console.log('code' in result ? result.detail : 'stored' in result ? result.failed : result.id);
    createServer(async (request) => { const notice: Notice = await readNotice(request); notice.connected; });
    for await (const page of client.messages('ada', { after: 'k3f.1' })) page.messages[0]?.time.getTime();
    const token: string = (await client.createChannel('ada', { durationMinutes: 1 })).token;
    // @ts-expect-error: a message is text or bytes.
    client.send(token, 7);
  `);
  return folder;
}

/** Runs the application, and has its types checked as strictly as can be. */
function expectThatItWorks(folder: string): void {
  const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  expect(run('app.mjs').trim()).toBe('true 3 function');
  const options = {
    target: 'es2022', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noEmit: true,
    types: ['node'], typeRoots: [join(PACKAGE, 'node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['app.ts'] }));
  run(join(PACKAGE, 'node_modules/typescript/bin/tsc'), '--project', folder);
}

test('the packed package holds what it needs and nothing else, and works', { timeout: INSTALL_MS }, ({ folder }) => {
  const [{ filename, files }] = JSON.parse(npm(PACKAGE, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  const paths = files.map(({ path }: { path: string }) => path);
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']));
  expect(paths.filter((path: string) => !/^(dist\/[a-z_]+(\.js|\.d\.ts)|README\.md|package\.json)$/.test(path))).toEqual([]);
  const app = application(join(folder, 'app'));
  npm(app, 'install', '--offline', join(folder, filename));
  expectThatItWorks(app);
});

test('this folder can be depended on as it is in a fresh checkout', { timeout: INSTALL_MS }, ({ folder }) => {
  const checkout = join(folder, 'sdk');
  const made = ['node_modules', 'dist'].map((name) => join(PACKAGE, name));
  cpSync(PACKAGE, checkout, { recursive: true, filter: (source) => !made.includes(source) });
  const app = application(join(folder, 'app'));
  npm(app, 'install', '--omit=dev', checkout);
  expectThatItWorks(app);
});

test('no dependencies, one version, and a lock file that names no place', () => {
  const read = (name: string) => readFileSync(join(PACKAGE, name), 'utf8');
  const { version, dependencies, engines } = JSON.parse(read('package.json'));
  expect(dependencies).toBeUndefined();
  expect(version).toBe(VERSION);
  expect(engines.node).toBe('>=20');
  expect(JSON.parse(read('package-lock.json')).version).toBe(VERSION);
  expect(read('package-lock.json')).not.toContain('"resolved"');
});
