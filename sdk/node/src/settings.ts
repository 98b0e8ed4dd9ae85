/** Where Downlink is and with which key to ask: from what is given, else from the environment. */
import { env } from 'node:process';
import { DownlinkError, InvalidApiKey } from './errors.js';

/** Where `downlink dev` listens. */
export const DEFAULT_URL = 'http://127.0.0.1:7171';

// What may stand in a header. Refused here, since `fetch` would quote the key in its text.
const KEY = /^[\x21-\x7e]+$/;

/** A checked address: without a slash at its end; may have a path, for a Downlink behind a prefix. */
export function resolveUrl(given: string | undefined): string {
  const text = (given ?? (env['DOWNLINK_URL'] || DEFAULT_URL)).trim();
  // `URL` forgives too much: it takes `http:host`, and drops an empty query without a word.
  const url = /^https?:\/\/[^/]/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (!url) throw new DownlinkError('invalid_url', "Give Downlink's address as http://HOST:PORT.");
  // A user name would show in logs, and `fetch` refuses it.
  if (/[@?#]/.test(text)) {
    throw new DownlinkError('invalid_url', "Downlink's address must have no user name, query or fragment.");
  }
  return url.href.replace(/\/+$/, '');
}

/** A checked API key. */
export function resolveApiKey(given: string | undefined): string {
  const key = (given ?? env['DOWNLINK_API_KEY'] ?? '').trim();
  if (!key) throw new InvalidApiKey('invalid_api_key', 'Set DOWNLINK_API_KEY, or give apiKey.');
  if (!KEY.test(key)) throw new InvalidApiKey('invalid_api_key', 'An API key has visible ASCII characters only.');
  return key;
}
