/**
 * When a call is tried again, and how long to wait before. No I/O and no sleeping.
 *
 * Only repeatable calls are tried again after they may have arrived: reads, the creation of channels, which stores nothing,
 * and sends, since each bears an idempotency key and is stored once however often it arrives. A send that is not to be
 * stored (a TTL of 0) cannot be recognised when it comes again.
 */
import type { NoAnswer } from './attempt.js';
import { Unavailable } from './errors.js';

/** How often a call is made at most. */
export const TRIES = 3;

/** What a proxy says while the server behind it restarts, the server itself while it cannot, and to who asks too often (429). */
const RETRIED_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** 100 to 300 ms, then 300 to 900 ms: enough for a quick restart; a page waits no longer than that. */
const FIRST_DELAY_MS = 300;
const GROWTH = 3;

/** A server may ask for more patience, but a request of the application's own user waits on this. */
const RETRY_AFTER_MAX_MS = 5_000;

/** Counts the tries of one call. */
export class Tries {
  readonly #repeatable: boolean;
  #left = TRIES;
  #longest_ms = FIRST_DELAY_MS;

  constructor(repeatable: boolean) {
    this.#repeatable = repeatable;
  }

  /** Milliseconds to wait before the next try; nothing if this answer is the last word. */
  delayAfter(status: number, retryAfter: string | null): number | undefined {
    if (!this.#repeatable || !RETRIED_STATUS.has(status)) return undefined;
    const delay_ms = this.#nextDelay();
    return delay_ms === undefined ? undefined : Math.max(delay_ms, askedPatience(retryAfter));
  }

  /** Milliseconds to wait before the next try; throws if there is none. */
  delayAfterFailure({ word, neverArrived }: NoAnswer): number {
    const delay_ms = this.#repeatable || neverArrived ? this.#nextDelay() : undefined;
    if (delay_ms === undefined) throw new Unavailable('connection_failed', `Downlink could not be reached (${word}).`);
    return delay_ms;
  }

  #nextDelay(): number | undefined {
    this.#left -= 1;
    if (this.#left <= 0) return undefined;
    // Jitter, so that many workers do not come back in the same instant.
    const shortest_ms = this.#longest_ms / GROWTH;
    const delay_ms = shortest_ms + Math.random() * (this.#longest_ms - shortest_ms);
    this.#longest_ms *= GROWTH;
    return delay_ms;
  }
}

function askedPatience(retryAfter: string | null): number {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Math.min(Number(retryAfter) * 1_000, RETRY_AFTER_MAX_MS) : 0;
}
