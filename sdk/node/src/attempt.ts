/** What one try of a call is given, and what comes of it. */
import type { Answer } from './answers.js';

/** A request, ready to go. */
export interface Outgoing {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Uint8Array<ArrayBuffer> | undefined;
  /** Bounds each wait: for the answer to begin, and for each piece of it. */
  readonly timeout_ms: number;
}

/** What came back. */
export interface Incoming extends Answer {
  readonly retryAfter: string | null;
}

/** No answer came. */
export class NoAnswer extends Error {
  /** What went wrong, in a word without anything that was sent. */
  readonly word: string;
  /** Whether the request certainly never left. */
  readonly neverArrived: boolean;

  constructor(word: string, neverArrived: boolean) {
    super(word);
    this.word = word;
    this.neverArrived = neverArrived;
  }
}

/** A system's or library's word for a failure, such as `ECONNRESET`. */
export function wordOf(cause: unknown): string {
  const code = property(cause, 'code');
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'no connection';
}

/** Whether a failure lies before the request: no address, or no connection. */
export function neverArrived(cause: unknown): boolean {
  // A name with several addresses fails once for each of them.
  const each = property(cause, 'errors');
  if (Array.isArray(each) && each.length > 0) return each.every(neverArrived);
  const syscall = property(cause, 'syscall');
  return syscall === 'connect' || syscall === 'getaddrinfo' || property(cause, 'code') === 'UND_ERR_CONNECT_TIMEOUT';
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}
