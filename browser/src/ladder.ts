/**
 * Which transport to try: the first that works, remembered; and when to look whether a better one works again.
 *
 * It counts failures and knows what worked in this page and, for an hour, in this origin. It opens nothing.
 */
import type { Transport } from './transport/transport.ts';
import { withStorage } from './web.ts';

/** How long an origin stays with a fallback before the first choice is tried again. */
const REMEMBER_MS = 3_600_000;

/**
 * How long a page stays below a better transport before it is tried again: half of it to all of it, at random, since
 * many pages fell at the same time; then twice as long, up to the last.
 */
const CLIMB_FIRST_MS = 300_000;
const CLIMB_LAST_MS = 3_600_000;

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
  /** Rungs that this browser or page does not have at all. */
  readonly #impossible = new Set<number>();
  /** When the rungs above are to be tried again, while standing below the first. */
  #climbAt: number | undefined;
  #climbs = 0;

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
    if (this.#rung) this.#climbAt ??= this.#nextClimb();
    else this.#climbAt = undefined;
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
    if (!this.#rung) this.#climbs = 0;
  }

  /** The current transport could not even begin. If it never has, it is not tried for a climb. */
  impossible(): void {
    if (this.#rung !== this.#proven) this.#impossible.add(this.#rung);
  }

  /** The better transports that are to be tried now beside the current one, the best first; mostly none. */
  due(): Transport[] {
    if (this.#climbAt === undefined || Date.now() < this.#climbAt) return [];
    this.#climbAt = this.#nextClimb();
    return this.#transports.filter((_, rung) => rung < this.#rung && !this.#impossible.has(rung));
  }

  /** A better transport works: it is the current one now, until it fails once. */
  climb(transport: Transport): void {
    this.#rung = this.#transports.indexOf(transport);
    this.#failures = FAILURES_MAX - 1;
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

  #nextClimb(): number {
    const ceiling_ms = Math.min(CLIMB_LAST_MS, CLIMB_FIRST_MS * 2 ** this.#climbs++);
    return Date.now() + (ceiling_ms * (1 + Math.random())) / 2;
  }
}
