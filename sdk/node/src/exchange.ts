/** One request and its answer over `fetch`: with a deadline, a bound, and failures that quote nothing. */
import { type Incoming, NoAnswer, type Outgoing, neverArrived, wordOf } from './attempt.js';
import { hasDots, overPlainHttp } from './plain_http.js';

/** The largest answer is a page of kept messages or the results of a full batch, both far below. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** A body may take this much longer to go up: `fetch` does not tell how far it is. */
const UPLOAD_BYTES_PER_MS = 1_024;

/** Makes one try. Throws `NoAnswer` and nothing else. */
export async function exchange(outgoing: Outgoing): Promise<Incoming> {
  if (hasDots(outgoing.url)) return overPlainHttp(outgoing, ANSWER_BYTES_MAX);
  const { url, method, headers, content, timeout_ms } = outgoing;
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const upload_ms = (content?.byteLength ?? 0) / UPLOAD_BYTES_PER_MS;
  let timer = setTimeout(giveUp, timeout_ms + upload_ms);
  try {
    // A redirect would carry the key to wherever it points.
    const response = await fetch(url, { method, headers, body: content ?? null, redirect: 'manual', signal: abort.signal });
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeout_ms);
    };
    moved();
    const body = await readBody(response, moved);
    return { status: response.status, body, retryAfter: response.headers.get('retry-after') };
  } catch (failure) {
    throw failure instanceof NoAnswer ? failure : noAnswer(failure, abort.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}

async function readBody(response: Response, moved: () => void): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    moved();
    bytes += piece.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new NoAnswer('the answer has no end', false);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The failure by its code. Its text is left out: it may quote what was sent. */
function noAnswer(failure: unknown, timedOut: boolean): NoAnswer {
  if (timedOut) return new NoAnswer('timeout', false);
  const cause = failure instanceof Error ? failure.cause ?? failure : failure;
  return new NoAnswer(wordOf(cause), neverArrived(cause));
}
