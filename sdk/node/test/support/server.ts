/** The real server, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

/** The root of the project. */
export const REPOSITORY: string = fileURLToPath(new URL('../../../../', import.meta.url));

export const API_KEY = 'the-api-key-of-the-node-tests';
export const TOKEN_KEY = 'the-token-key-of-the-node-tests-of-over-32-bytes';

/** Two, as while rotating: the server signs with each. */
export const PRESENCE_SECRETS = [0, 1].map((byte) => `whsec_${Buffer.alloc(32, byte + 1).toString('base64')}`).join(',');

const START_MS = 20_000;

/** A run that is broken off takes its children with it. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Where the program is; absence is a failure, since these tests prove nothing without it. */
export function program(): string {
  const path = resolve(process.env['DOWNLINK_BIN'] || join(REPOSITORY, 'target/release/downlink'));
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`no program at ${path}: run \`cargo build --release\`, or set DOWNLINK_BIN`);
  }
  return path;
}

/** `downlink dev` on a port of its choice, which it keeps when it is started again. */
export class Server {
  url = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'downlink-node-'));
  readonly #options: { readonly app?: string; readonly environment?: Record<string, string> };
  #port = 0;
  #process: ChildProcess | undefined;

  constructor(options: { readonly app?: string; readonly environment?: Record<string, string> } = {}) {
    this.#options = options;
  }

  /** Starts it, and returns when it listens. */
  async start(): Promise<this> {
    const args = ['dev', '--listen', `127.0.0.1:${this.#port}`, '--data-dir', join(this.#folder, 'data')];
    if (this.#options.app) args.push('--app', this.#options.app);
    // Settings of the one who runs the tests must not leak into the program under test.
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DOWNLINK_')));
    const child = spawn(program(), args, {
      env: {
        ...own,
        DOWNLINK_API_KEY: API_KEY,
        DOWNLINK_TOKEN_KEY: TOKEN_KEY,
        DOWNLINK_PRESENCE_SECRET: PRESENCE_SECRETS,
        ...this.#options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    child.on('exit', () => children.delete(child));
    this.#process = child;
    const [, url, port] = await printed(child, /listening on (http:\/\/127\.0\.0\.1:(\d+))/);
    this.url = url as string;
    this.#port = Number(port);
    return this;
  }

  /** `kill -9`: no word of farewell, nothing flushed. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it and removes what it kept. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The first match in what a program prints; its output is read on to its end, or it would block on a full pipe. */
export async function printed(child: ChildProcess, words: RegExp): Promise<RegExpMatchArray> {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { log += text; });
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await sleep(10)) {
    const found = log.match(words);
    if (found) return found;
    if (child.exitCode !== null) break;
  }
  throw new Error(`it did not say ${words}; it said:\n${log}`);
}
