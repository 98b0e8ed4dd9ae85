/**
 * What this tab has had with each token, for the classic script: old applications put a token into the page again
 * and expect nothing twice. Kept in the tab's `sessionStorage`, or just in the page where that is denied.
 */
import { withStorage } from './web.ts';

const PREFIX = 'downlink.cursor ';

/** So many tokens of a tab are remembered; an application uses one or two at a time. */
export const KEPT_MAX = 20;

/** For pages that may not store: reopened in the page, a token still goes on. */
const inPage = new Map<string, string>();

/** The remembered place of one token. */
export class KeptCursor {
  readonly #key: string;

  constructor(token: string) {
    this.#key = PREFIX + fingerprint(token);
    withStorage('sessionStorage', prune);
  }

  /** Up to where this tab has had everything, if it has used this token. */
  get(): string | undefined {
    const stored = withStorage('sessionStorage', (storage) => storage.getItem(this.#key));
    return stored?.split(' ')[0] || inPage.get(this.#key);
  }

  set(cursor: string): void {
    inPage.set(this.#key, cursor);
    withStorage('sessionStorage', (storage) => storage.setItem(this.#key, `${cursor} ${Date.now()}`));
  }
}

/** Makes room for one more by forgetting those that were not used for longest. */
function prune(storage: Storage): void {
  const used = (key: string) => Number(storage.getItem(key)?.split(' ')[1]);
  const keys = Object.keys(storage).filter((key) => key.startsWith(PREFIX));
  keys.sort((a, b) => used(b) - used(a));
  for (const key of keys.slice(KEPT_MAX - 1)) storage.removeItem(key);
}

/** Tells tokens apart without storing them: 64 bits, from two rounds of FNV-1a with different beginnings. */
function fingerprint(token: string): string {
  return [0x811c9dc5, 0x01234567].map((hash) => {
    for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
    return (hash >>> 0).toString(36);
  }).join('-');
}
