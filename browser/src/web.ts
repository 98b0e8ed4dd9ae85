/**
 * The one seam to the outside: what a connection is made of, and what storage may refuse.
 *
 * Timers and the clock are taken as they are; tests replace them globally.
 */
import type { ChannelOptions, WebSocketLike } from './api.ts';

/** The network, as the page or its tests give it. */
export interface Web {
  WebSocket?: (new (url: string, protocols: string[]) => WebSocketLike) | undefined;
  fetch: typeof globalThis.fetch;
}

/** The network of the options, or else the global one. */
export function webOf(options: ChannelOptions): Web {
  return {
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    // Looked up and called as a plain function: browsers refuse a `fetch` whose `this` is something else.
    fetch: (input, init) => (options.fetch ?? globalThis.fetch)(input, init),
  };
}

/**
 * Runs a handler of the page. What it throws is thrown again on its own, so that the page's error handling sees it
 * and neither the connection nor a later message does.
 */
export function safely(handler: () => void): void {
  try {
    handler();
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

/**
 * Does something with the browser's storage and answers what came of it, or nothing where storage is denied: in
 * sandboxed frames the mere look at it throws, and a full one throws on writing.
 */
export function withStorage<T>(kind: 'localStorage' | 'sessionStorage', use: (storage: Storage) => T): T | undefined {
  try {
    return use(globalThis[kind]);
  } catch {
    return undefined;
  }
}
