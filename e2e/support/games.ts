/** The application servers of the two-window game, one a language: how each is built and started. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PROGRAM, PYTHON, REPOSITORY } from './places.ts';
import { freePort } from './ports.ts';
import { Running } from './process.ts';
import { API_KEY } from './server.ts';
import { until } from './until.ts';

/** Shared by Downlink and the application, so that one believes the other's notices. */
const PRESENCE_SECRET = `whsec_${Buffer.from('the presence secret of the games').toString('base64')}`;

const EXAMPLE = resolve(REPOSITORY, 'examples/tic-tac-toe');

/** How a language's server is made ready, and the command that runs it then. */
interface Recipe {
  /** Commands to run first, in the server's folder. */
  readonly build: (made: string) => readonly (readonly string[])[];
  readonly start: (made: string) => readonly string[];
  readonly environment?: Record<string, string>;
}

const RECIPES: Record<string, Recipe> = {
  python: {
    build: () => [],
    start: () => [PYTHON, 'app.py'],
    environment: {
      // The packages as they lie here; `httpx` is all that has to be installed.
      PYTHONPATH: [resolve(REPOSITORY, 'sdk/python'), resolve(REPOSITORY, 'sdk/python/gae/src')].join(':'),
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  },
  node: {
    // Under the lock of `examples/run`: two must not build one SDK at once.
    build: () => [['flock', resolve(REPOSITORY, 'sdk/node'), 'npm', 'install', '--no-audit', '--no-fund']],
    start: () => [process.execPath, 'app.js'],
  },
  go: {
    build: (made) => [['go', 'build', '-o', join(made, 'game'), '.']],
    start: (made) => [join(made, 'game')],
  },
  java: {
    build: (made) => [['flock', resolve(REPOSITORY, 'sdk/java'), './build.sh', made]],
    start: (made) => ['java', '-jar', join(made, 'tic-tac-toe.jar')],
  },
};

/** The languages that serve the game. */
export const LANGUAGES = Object.keys(RECIPES);

/** How long building may take: Go and Java compile their SDKs as well, and may have to fetch their tools. */
export const BUILD_MS = 300_000;

/** A language's server behind `downlink dev --app`. */
export class Game {
  /** Where Downlink answers. */
  url = '';
  /** Where the application itself answers. */
  application = '';
  readonly #recipe: Recipe;
  readonly #folder: string;
  readonly #made = mkdtempSync(join(tmpdir(), 'downlink-game-'));
  readonly #running: Running[] = [];

  constructor(language: string) {
    this.#recipe = RECIPES[language] as Recipe;
    this.#folder = join(EXAMPLE, language);
  }

  /** Builds the server, and starts it and Downlink. */
  async start(): Promise<this> {
    for (const command of this.#recipe.build(this.#made)) await run(command, this.#folder);
    const port = await freePort();
    this.application = `http://127.0.0.1:${port}`;
    const downlink = new Running(
      PROGRAM,
      ['dev', '--listen', '127.0.0.1:0', '--data-dir', join(this.#made, 'data'), '--app', this.application],
      { DOWNLINK_API_KEY: API_KEY, DOWNLINK_PRESENCE_SECRET: PRESENCE_SECRET },
    );
    this.#running.push(downlink);
    this.url = (await downlink.prints(/listening on (http:\/\/127\.0\.0\.1:\d+)/))[1] as string;
    const [command, ...args] = this.#recipe.start(this.#made);
    const app = new Running('/usr/bin/env', ['-C', this.#folder, command as string, ...args], {
      PORT: `${port}`,
      DOWNLINK_URL: this.url,
      DOWNLINK_API_KEY: API_KEY,
      DOWNLINK_PRESENCE_SECRET: PRESENCE_SECRET,
      ...this.#recipe.environment,
    });
    this.#running.push(app);
    await until('the application answers', async () => {
      if (app.over) throw new Error(`the application has ended; it printed:\n${app.log}`);
      return fetch(`${this.application}/`, { redirect: 'manual' }).then(({ status }) => status === 303, () => false);
    });
    return this;
  }

  /** What both have printed, for the one who has to find out what went wrong. */
  get log(): string {
    return this.#running.map(({ log }) => log).join('\n---\n');
  }

  /** Ends both. */
  async stop(): Promise<void> {
    for (const program of this.#running.reverse()) await program.end('SIGKILL');
    rmSync(this.#made, { recursive: true, force: true });
  }
}

/** Runs a command to its end; its output is told only if it fails. */
async function run(command: readonly string[], folder: string): Promise<void> {
  const [program, ...args] = command;
  const child = spawn(program as string, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { log += text; });
  const status = await new Promise((done, fail) => child.on('error', fail).on('close', done));
  if (status !== 0) throw new Error(`\`${command.join(' ')}\` in ${folder} failed (${status}):\n${log}`);
}
