/**
 * Which transport to try: the first that works, remembered.
 *
 * It counts failures and knows what worked in this page and, for an hour, in this origin. It opens nothing.
 */
import type { Transport } from './transport/transport.ts';
import { withStorage } from './web.ts';

/** How long an origin stays with a fallback before the first choice is tried again. */
const REMEMBER_MS = 3_600_000;

/** So many failures of what has worked in this page are the network's; one more, and it is the transport's. */
const FAILURES_MAX = 3;

/** Transports in order of preference, and where in it this page stands. */
export class Ladder {
  readonly #transports: Transport[];
  readonly #key: string;
  #rung = 0;
  /** The first rung that has worked in this page: a lower one is a stopgap, never remembered. */
  #proven: number | undefined;
  #failures = 0;

  constructor(transports: Transport[], url: string) {
    this.#transports = transports;
    this.#key = `downlink.transport ${url}`;
    const [name, since] = withStorage('localStorage', (storage) => storage.getItem(this.#key)?.split(' ')) ?? [];
    const age = Date.now() - Number(since);
    if (age >= 0 && age < REMEMBER_MS) this.#rung = Math.max(0, transports.findIndex((t) => t.name === name));
  }

  /** The transport to try. */
  current(): Transport {
    return this.#transports[this.#rung] as Transport;
  }

  /** The current transport works: its open frame has come. */
  opened(): void {
    if (this.#proven === undefined || this.#rung < this.#proven) {
      this.#proven = this.#rung;
      withStorage('localStorage', (storage) => {
        if (this.#rung) storage.setItem(this.#key, `${this.current().name} ${Date.now()}`);
        else storage.removeItem(this.#key);
      });
    }
  }

  /** A connection held, or the server answered: whatever failed before was not the transport. */
  held(): void {
    this.#failures = 0;
  }

  /**
   * The current transport failed without an answer. True if another one is to be tried at once; false if all were,
   * or if this one has worked and the network is the likelier cause: then wait first.
   */
  failed(): boolean {
    this.#failures += 1;
    if (this.#rung === this.#proven && this.#failures < FAILURES_MAX) return false;
    this.#failures = 0;
    const last = this.#rung === this.#transports.length - 1;
    this.#rung = last ? this.#proven ?? 0 : this.#rung + 1;
    return !last;
  }

  /** An open connection ended. True if it was a stopgap: the next try is for what has worked before it. */
  ended(): boolean {
    const stopgap = this.#rung !== this.#proven;
    this.#rung = this.#proven ?? this.#rung;
    return stopgap;
  }
}
