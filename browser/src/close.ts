/**
 * The close codes: what ended a socket, and whether to come back.
 *
 * The same table stands in the server's `protocol` crate; a conformance case holds the two equal.
 */

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

/** Every close code that the server sends, with its usual reason. */
export const CLOSE_CODES: Record<number, string> = {
  1000: 'Closed.',
  1001: 'The page went away.',
  1002: 'Protocol error.',
  1007: 'Text that is not UTF-8.',
  1009: 'Too large; a client says at most a token or a cursor.',
  1011: 'Internal error.',
  1012: 'The server restarts.',
  1013: 'Too many sockets; try again later.',
  4400: 'Bad request.',
  4401: INVALID_TOKEN,
  4403: 'This origin may not open channels.',
  4410: 'The channel was deleted.',
  4508: 'No answer to pings.',
};

/**
 * Whether a client comes back by itself after this code.
 *
 * The range decides, not the table, so that codes of later servers are understood: 40xx and 44xx are final, 45xx and
 * 10xx come back. Only a farewell (1000) is one.
 */
export function comesBack(code: number): boolean {
  return (code > NORMAL && code < 2000) || (code >= 4500 && code < 4600);
}
