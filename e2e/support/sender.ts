/** An application that goes on sending, whatever happens to the server. */
import type { Api } from './api.ts';
import { until } from './until.ts';

/** Numbers in order, each sent once; and which of them were answered. */
export class Sender {
  /** Numbers that the server said are stored. */
  readonly answered: number[] = [];
  /** Numbers that got no answer: they may be stored or not. */
  readonly unknown: number[] = [];
  readonly #done: Promise<void>;
  #stopped = false;

  /** Slow enough that a page which is away for seconds has fewer messages to catch up on than a channel keeps. */
  constructor(api: Api, clientId: string, pause_ms = 4) {
    this.#done = this.#run(api, clientId, pause_ms);
    // Heard of in `stop`, if the test comes so far.
    this.#done.catch(() => undefined);
  }

  /** Until so many more were answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered.length + count;
    await until(`${goal} sends are answered`, () => this.answered.length >= goal);
  }

  /** Sends no more, and returns when the last one has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(api: Api, clientId: string, pause_ms: number): Promise<void> {
    for (let number = 1; !this.#stopped; number++) {
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
      try {
        await api.send(clientId, `${number}`);
        this.answered.push(number);
      } catch {
        this.unknown.push(number);
        // One number lost is enough for one fall of the server.
        await until('the server is back', () => this.#stopped || api.sockets(clientId).then(() => true, () => false));
      }
    }
  }
}
