/** The real server, as a process that can be killed and started again. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESENCE_SECRET } from './notices.ts';
import { PROGRAM } from './places.ts';
import { Running } from './process.ts';
import { Api } from './api.ts';
import { certificate } from './tls.ts';

/** The keys of all servers here, so that tokens and calls outlive a restart in every durability. */
export const API_KEY = 'an-api-key-of-the-end-to-end-tests';
export const TOKEN_KEY = 'the-token-key-of-the-end-to-end-tests';

/** What a server may be given. */
export interface ServerOptions {
  /** The application behind it, in place of the demo pages. */
  app?: string;
  /** `fsync` unless told otherwise. */
  durability?: 'fsync' | 'os' | 'memory';
  /** It speaks TLS, by a certificate that nobody but the tests' own browsers takes. */
  tls?: boolean;
}

/** `downlink dev` on a port of its choice, which it keeps when it is started again. */
export class Server {
  url = '';
  readonly api: Api;
  readonly #options: ServerOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'downlink-e2e-'));
  #port = 0;
  #process: Running | undefined;

  constructor(options: ServerOptions = {}) {
    this.#options = options;
    this.api = new Api(() => this.url, API_KEY);
  }

  /** Starts it, and returns when it listens. */
  async start(): Promise<this> {
    const { app, durability = 'fsync', tls = false } = this.#options;
    const args = ['dev', '--listen', `127.0.0.1:${this.#port}`, '--data-dir', join(this.#folder, 'data')];
    if (app) args.push('--app', app);
    this.#process = new Running(PROGRAM, args, {
      DOWNLINK_API_KEY: API_KEY,
      DOWNLINK_TOKEN_KEY: TOKEN_KEY,
      DOWNLINK_DURABILITY: durability,
      DOWNLINK_PRESENCE_SECRET: PRESENCE_SECRET,
      ...(tls ? this.#certificate() : {}),
    });
    const [, url, port] = await this.#process.prints(/listening on (https?:\/\/127\.0\.0\.1:(\d+))/);
    this.url = url as string;
    this.#port = Number(port);
    return this;
  }

  /** Written into its folder once. */
  #certificate(): Record<string, string> {
    const files = { DOWNLINK_TLS_CERTIFICATE: join(this.#folder, 'cert.pem'), DOWNLINK_TLS_KEY: join(this.#folder, 'key.pem') };
    if (!existsSync(files.DOWNLINK_TLS_KEY)) {
      const { cert, key } = certificate();
      writeFileSync(files.DOWNLINK_TLS_CERTIFICATE, cert);
      writeFileSync(files.DOWNLINK_TLS_KEY, key, { mode: 0o600 });
    }
    return files;
  }

  /** `kill -9`: no farewell, nothing flushed. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** Ends it and removes what it kept. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
