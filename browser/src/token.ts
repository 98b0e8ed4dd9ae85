/** The page's token: given once, or fetched by a function of the page and renewed before it times out. */
import type { Token } from './api.ts';

/** A token is renewed this long before its end, or in the last quarter of its life if that is shorter. */
const MARGIN_MS = 60_000;

/** What a token may consist of: everything else could not travel, and no server made it. */
const SHAPE = /^[\w.~+-]+$/;

/** Whether a token can be one at all. */
export function looksLikeToken(token: unknown): token is string {
  return typeof token === 'string' && SHAPE.test(token);
}

/** When to renew a token that came at `now`, by the times in it; never, if it does not tell them. */
export function renewalTime(token: string, now: number): number {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const { iat, exp } = JSON.parse(atob(payload));
    const life = (exp - iat) * 1000;
    const left = exp * 1000 - now;
    // A token cannot have more left than its life nor nothing at all: then this clock is wrong, and the token new.
    const likely = left > 0 && left <= life ? left : life;
    return likely > 0 ? now + likely - Math.min(MARGIN_MS, likely / 4) : Infinity;
  } catch {
    return Infinity;
  }
}

/** Where tokens come from, and the one in use. */
export class TokenSource {
  /** The one in use; empty before the first and after one was refused. */
  current = '';
  /** Whether another can be had. */
  readonly renewable: boolean;
  /** When the one in use should be renewed. */
  renewAt = Infinity;
  readonly #fetch: () => string | Promise<string>;
  /** The fetch under way: who asks meanwhile gets the same token. */
  #flight: Promise<string> | undefined;

  constructor(token: Token) {
    this.renewable = typeof token === 'function';
    this.#fetch = typeof token === 'function' ? token : () => token;
  }

  /** The token to connect with: the one in use, unless it is time for a new one. */
  async get(): Promise<string> {
    return this.current && Date.now() < this.renewAt ? this.current : this.renew();
  }

  /** A new token from the page; one request at a time. */
  renew(): Promise<string> {
    const flight = (this.#flight ??= this.#take().finally(() => {
      if (this.#flight === flight) this.#flight = undefined;
    }));
    return flight;
  }

  /** Forgets the token in use, and a fetch that may never end. */
  forget(): void {
    this.current = '';
    this.#flight = undefined;
  }

  async #take(): Promise<string> {
    // Async, so that what the page's function throws is a rejection like any other.
    const token = await this.#fetch();
    if (looksLikeToken(token)) {
      this.current = token;
      this.renewAt = this.renewable ? renewalTime(token, Date.now()) : Infinity;
    }
    return token;
  }
}
