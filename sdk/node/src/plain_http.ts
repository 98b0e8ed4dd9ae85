/**
 * The one kind of request that `fetch` cannot make: a path with a dot segment.
 *
 * By the URL standard `%2E%2E` means `..` and is resolved before anything is sent, but `.` and `..` are client ids as good
 * as any. So these few go over `node:http`, which takes a path as it is.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Incoming, NoAnswer, type Outgoing, neverArrived, wordOf } from './attempt.js';

/** Whether an address has a segment that the URL standard would resolve away. */
export function hasDots(url: string): boolean {
  return /\/(%2E){1,2}\//.test(url);
}

/** Makes one try. Throws `NoAnswer` and nothing else. */
export function overPlainHttp({ url, method, headers, timeout_ms }: Outgoing, bytes_max: number): Promise<Incoming> {
  const { protocol, hostname, port, origin } = new URL(url);
  const request = (protocol === 'https:' ? httpsRequest : httpRequest)({
    // An IPv6 address stands in brackets in a URL, and without them here.
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: url.slice(origin.length),
    method,
    headers,
    agent: false,
    timeout: timeout_ms,
  });
  return new Promise((resolve, reject) => {
    const fail = (failure: unknown) => {
      reject(failure instanceof NoAnswer ? failure : new NoAnswer(wordOf(failure), neverArrived(failure)));
      request.destroy();
    };
    request.on('error', fail);
    request.on('timeout', () => fail(new NoAnswer('timeout', false)));
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.byteLength;
        if (bytes > bytes_max) fail(new NoAnswer('the answer has no end', false));
        else pieces.push(piece);
      });
      response.on('error', fail);
      response.on('end', () => {
        const body = Buffer.concat(pieces).toString('utf8');
        resolve({ status: response.statusCode ?? 0, body, retryAfter: response.headers['retry-after'] ?? null });
      });
    });
    request.end();
  });
}
