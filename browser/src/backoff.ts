/**
 * How long to wait before the next try: full jitter under a doubling ceiling.
 *
 * Full jitter, because the moment at which all sockets of a server fall is the same for all of them.
 */

/** The ceiling of the first wait: a socket that fell alone is back before anyone notices. */
export const FIRST_CEILING_MS = 500;

/** The highest ceiling: a page is back within 20 s of its server's return. */
export const LAST_CEILING_MS = 20_000;

/** How long a connection has to hold before the next wait starts small again. */
export const STABLE_MS = 10_000;

/** The wait before the try that follows `failures` failed ones (0 for the first wait). */
export function backoff(failures: number): number {
  return Math.random() * Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** failures);
}
