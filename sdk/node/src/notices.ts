/**
 * Tells presence notices of Downlink from forged, altered and replayed ones.
 *
 * They are signed as Standard Webhooks says: HMAC-SHA256 over `id.timestamp.body`. Only what is signed is believed: the body
 * itself says which format it has, neither the path nor `Content-Type` does.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { env } from 'node:process';
import { DownlinkError, NoticeRefused } from './errors.js';
import { readForm } from './form.js';

/** A client id has come, or is gone. */
export interface Notice {
  /** The same when a notice arrives twice. */
  readonly id: string;
  /** When it was sent. */
  readonly time: Date;
  readonly clientId: string;
  readonly connected: boolean;
  /** Rises with every change of a client id: a notice whose generation is not above the last one's is old news. */
  readonly generation: number;
}

/** How to verify. */
export interface VerifyOptions {
  /** `whsec_…`, two while rotating; `DOWNLINK_PRESENCE_SECRET` (separated by a comma) unless given. */
  readonly secrets?: string | readonly string[] | undefined;
  /** The time to judge by; now unless given. */
  readonly now?: Date | undefined;
}

/** Headers as any framework has them. Names are looked up without regard to case. */
export type NoticeHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A replayed notice is refused after this long; clocks may differ by as much. */
const TOLERANCE_S = 300;

/** Standard Webhooks asks for 24 bytes at least. A shorter key is a mistake, an empty one is no key at all. */
const SECRET_BYTES_MIN = 24;

/** What a notice is told by, once its signature is right. */
type Told = Pick<Notice, 'clientId' | 'connected' | 'generation'>;

/**
 * Returns what a notice says, or throws `NoticeRefused`, whose `code` is `missing_header`, `bad_timestamp`,
 * `wrong_signature` or `unreadable`.
 *
 * `body` is the body as it came, before any parser. A string is taken as UTF-8.
 */
export function verifyNotice(headers: NoticeHeaders, body: Uint8Array | string, options: VerifyOptions = {}): Notice {
  const keys = keysOf(options.secrets ?? env['DOWNLINK_PRESENCE_SECRET'] ?? '');
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  const time = readTimestamp(timestamp, options.now ?? new Date());
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (!isSigned(`${id}.${timestamp}.`, bytes, keys, signatures)) {
    throw new NoticeRefused('wrong_signature', 'The notice is not signed with DOWNLINK_PRESENCE_SECRET.');
  }
  const told = readBody(bytes);
  if (!told) throw new NoticeRefused('unreadable', 'The body is signed, but it is no presence notice.');
  return { id, time, ...told };
}

function keysOf(secrets: string | readonly string[]): Buffer[] {
  const texts = (typeof secrets === 'string' ? [secrets] : secrets).flatMap((text) => text.split(','));
  const keys = texts.map((text) => text.trim()).filter((text) => text !== '').map(keyOf);
  if (keys.length === 0) throw new DownlinkError('invalid_secret', 'Set DOWNLINK_PRESENCE_SECRET, or give secrets.');
  return keys;
}

function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? '';
  const key = Buffer.from(encoded, 'base64');
  if (key.byteLength < SECRET_BYTES_MIN) {
    throw new DownlinkError('invalid_secret', `A presence secret is whsec_ and base64 of at least ${SECRET_BYTES_MIN} bytes.`);
  }
  return key;
}

function header(headers: NoticeHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : valueOf(headers, name);
  if (typeof value !== 'string') throw new NoticeRefused('missing_header', `The notice has no ${name} header.`);
  return value;
}

function valueOf(headers: Exclude<NoticeHeaders, Headers>, name: string): string | undefined {
  const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
  const value = found === undefined ? undefined : headers[found];
  return typeof value === 'object' ? value.join(' ') : value;
}

function readTimestamp(text: string, now: Date): Date {
  // Digits only: neither a sign nor a fraction nor an exponent.
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  const off_s = Math.abs(Math.floor(now.getTime() / 1000) - seconds);
  if (off_s <= TOLERANCE_S) return new Date(seconds * 1000);
  throw new NoticeRefused('bad_timestamp', 'The notice is over five minutes old or ahead, or its timestamp is no number.');
}

/** Whether one of the signatures is made with one of the keys. Takes as long for a near miss as for any other. */
function isSigned(head: string, body: Uint8Array, keys: readonly Buffer[], signatures: string): boolean {
  const given = signatures.split(' ').filter((one) => one.startsWith('v1,')).map((one) => Buffer.from(one.slice('v1,'.length)));
  let signed = false;
  for (const key of keys) {
    // Compared as text: base64 has several spellings of the same bytes, and only one is expected.
    const right = Buffer.from(createHmac('sha256', key).update(head).update(body).digest('base64'));
    for (const one of given) {
      if (one.byteLength === right.byteLength && timingSafeEqual(one, right)) signed = true;
    }
  }
  return signed;
}

function readBody(body: Uint8Array): Told | undefined {
  try {
    // A byte order mark is not skipped: a body that begins with one begins with neither `{` nor `--`.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    if (text.startsWith('{')) return readJson(JSON.parse(text));
    return text.startsWith('--') ? readFields(readForm(text)) : undefined;
  } catch {
    return undefined;
  }
}

const STATE_OF_TYPE = new Map<unknown, string>([['channel.connected', 'connected'], ['channel.disconnected', 'disconnected']]);

/** Format `standard`. Members that are not known came later than this package, and do no harm. */
function readJson(notice: { type?: unknown; data?: { client_id?: unknown; generation?: unknown } }): Told | undefined {
  return told(notice.data?.client_id, STATE_OF_TYPE.get(notice.type), notice.data?.generation);
}

/** Format `appengine`. */
function readFields(fields: ReadonlyMap<string, string>): Told | undefined {
  const generation = fields.get('generation') ?? '';
  return told(fields.get('from'), fields.get('state'), /^\d{1,16}$/.test(generation) ? Number(generation) : undefined);
}

function told(clientId: unknown, state: string | undefined, generation: unknown): Told | undefined {
  if (typeof clientId !== 'string' || clientId === '') return undefined;
  if (state !== 'connected' && state !== 'disconnected') return undefined;
  if (typeof generation !== 'number' || !Number.isSafeInteger(generation) || generation < 0) return undefined;
  return { clientId, connected: state === 'connected', generation };
}
