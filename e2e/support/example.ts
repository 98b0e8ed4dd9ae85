/** An example, started with the one command that its README names. */
import { resolve } from 'node:path';
import { BUILD_MS } from './games.ts';
import { PROGRAM, PYTHON, REPOSITORY } from './places.ts';
import { freePort } from './ports.ts';
import { Running } from './process.ts';

/** An example and Downlink in front of it. */
export class Example {
  /** Where its pages are. */
  url = '';
  readonly #command: string[];
  #running: Running | undefined;

  constructor(...command: string[]) {
    this.#command = command;
  }

  /** Runs the command, and returns when the pages are there. */
  async start(): Promise<this> {
    this.#running = new Running(resolve(REPOSITORY, 'examples/run'), this.#command, {
      DOWNLINK_BIN: PROGRAM,
      DOWNLINK_LISTEN: '127.0.0.1:0',
      PORT: `${await freePort()}`,
      PYTHON,
    });
    const words = /is running\. +Open (http:\/\/127\.0\.0\.1:\d+)\//;
    this.url = (await this.#running.prints(words, BUILD_MS))[1] as string;
    return this;
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<void> {
    await this.#running?.end('SIGTERM');
  }
}
