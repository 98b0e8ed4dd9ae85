/** Programs that a test starts: each is one child, which the test also ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { PATIENCE_MS, until } from './until.ts';

/** How long a child may take to end when it is asked to. */
const END_MS = 20_000;

/** A run that is broken off takes its children with it. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A child process and what it has printed. */
export class Running {
  /** What came on standard output, as far as it was read. */
  out = '';
  /** Everything printed, both ways, for the one who has to find out what went wrong. */
  log = '';
  readonly #child: ChildProcess;

  constructor(command: string, args: string[], environment: Record<string, string> = {}) {
    // Settings of the one who runs the tests must not leak into the program under test.
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('DOWNLINK_'));
    this.#child = spawn(command, args, {
      env: { ...Object.fromEntries(own), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(this.#child);
    this.#child.on('exit', () => children.delete(this.#child));
    this.#child.on('error', (error) => {
      this.log += `${error}\n`;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        if (stream === this.#child.stdout) this.out += text;
        this.log += text;
      });
    }
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first match in what it prints. */
  async prints(words: RegExp, patience_ms = PATIENCE_MS): Promise<RegExpMatchArray> {
    try {
      return await until(`${words}`, () => {
        const found = this.log.match(words);
        if (!found && this.over) throw new Error('it has ended');
        return found;
      }, patience_ms);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; it printed:\n${this.log}`);
    }
  }

  /** Until it has ended by itself. */
  async ended(): Promise<void> {
    await until('a child process ends', () => this.over, END_MS);
  }

  /** Ends it: `SIGKILL` leaves it no time for anything. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.over) return;
    this.#child.kill(signal);
    try {
      await this.ended();
    } catch {
      this.#child.kill('SIGKILL');
    }
  }
}
