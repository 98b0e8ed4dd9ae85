/** What SSE and long-poll share: requests with the token in a header, what a refusal means, words by POST. */
import { INVALID_TOKEN, OVERLOADED, TIMED_OUT, TOKEN_REFUSED } from '../close.ts';
import type { CloseFrame, Word } from '../frames.ts';
import { type Attempt, type Link, address } from './transport.ts';

/** The HTTP statuses that are the server's final word; other 4xx may come from something on the way. */
const FINAL_STATUSES = [400, 401, 403, 410];

/** Asks for frames in one of the server's formats. */
export function request(
  attempt: Attempt,
  accept: string,
  signal: AbortSignal,
  query?: Record<string, string | number | undefined>,
): Promise<Response> {
  return attempt.web.fetch(address(attempt, query).href, {
    headers: { Accept: accept, Authorization: `Bearer ${attempt.token()}` },
    cache: 'no-store',
    credentials: 'omit',
    signal,
  });
}

/** The close frame that a refusal amounts to, or nothing if it does not sound like the server's own. */
export async function refusal(response: Response): Promise<CloseFrame | undefined> {
  const { status } = response;
  if (status === 429 || status >= 500) {
    const seconds = Number(response.headers.get('Retry-After'));
    const frame: CloseFrame = { type: 'close', code: OVERLOADED, reason: `HTTP ${status}` };
    return seconds > 0 ? { ...frame, retry_after_ms: seconds * 1000 } : frame;
  }
  if (!FINAL_STATUSES.includes(status)) return undefined;
  const problem = await response.json().catch(() => ({}));
  const code = 4000 + status;
  if (code !== TOKEN_REFUSED) return { type: 'close', code, reason: problem.detail ?? `HTTP ${status}` };
  return { type: 'close', code, reason: problem.code === 'token_timed_out' ? TIMED_OUT : INVALID_TOKEN };
}

/** A link of requests: words are posted to the socket by its name. */
export class HttpLink implements Link {
  /** The server's name for the socket; without it nothing can be said yet. */
  socket: string | undefined;
  /** The page has let go: nothing more is asked for, also while a farewell is under way. */
  closed = false;
  readonly abort = new AbortController();
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  async say(word: Word): Promise<void> {
    if (!this.socket) return;
    const { url, web } = this.#attempt;
    const target = new URL(url);
    target.pathname += `/${encodeURIComponent(this.socket)}`;
    // The socket's name is its client's secret, so no token is needed, and no header for which a browser would ask
    // the other origin's leave first: a page that goes away has no time for that.
    const sent = web.fetch(target.href, {
      method: 'POST',
      body: JSON.stringify(word),
      credentials: 'omit',
      // The page may be going away while it says that it leaves.
      keepalive: 'close' in word,
    });
    // A word that does not arrive is made good by what follows: the grace, the next ack, the next connection.
    await sent.catch(() => undefined);
  }

  close(leave: boolean): void {
    this.closed = true;
    const abort = () => this.abort.abort();
    // The word first: to a socket that has broken off already nobody can say farewell.
    if (leave && this.socket) this.say({ close: true }).then(abort);
    else abort();
  }
}
