/**
 * The close codes: what ended a socket, and whether to come back.
 *
 * The same table stands in the server's `protocol` crate; a conformance case holds the two equal.
 */

/** Every close code that the server sends, with its name. */
export const CLOSE_CODES = {
  1000: 'normal',
  1001: 'going_away',
  1002: 'protocol_error',
  1007: 'invalid_utf8',
  1009: 'message_too_large',
  1011: 'internal_error',
  1012: 'restart',
  1013: 'overloaded',
  4400: 'bad_request',
  4401: 'token_refused',
  4403: 'forbidden',
  4410: 'gone',
  4508: 'silent',
} as const;

/** The token is invalid or timed out: final, unless the page gave a function that fetches another. */
export const TOKEN_REFUSED = 4401;

/** A farewell: what a page sees when it closes the channel itself. */
export const NORMAL = 1000;

/** The server asks for patience; what an HTTP 429 or 5xx means on the other transports. */
export const OVERLOADED = 1013;

/** The reason in a close frame for a token whose time is over; any other 4401 is an invalid one. */
export const TIMED_OUT = 'Token timed out.';

/** The reason for a token that does not even look like one, in the server's words. */
export const INVALID_TOKEN = 'Invalid token.';

/**
 * Whether a client comes back by itself after this code.
 *
 * The range decides, not the table, so that codes of later servers are understood: 40xx and 44xx are final, 45xx and
 * 10xx come back. Only a farewell (1000) is one.
 */
export function comesBack(code: number): boolean {
  return (code > NORMAL && code < 2000) || (code >= 4500 && code < 4600);
}
