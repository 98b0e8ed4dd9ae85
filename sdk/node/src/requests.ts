/** Builds every request. No I/O; `client` sends them. */
import { randomUUID } from 'node:crypto';
import {
  readChannel, readItemResults, readMessages, readNothing, readPresence, readSent, readState,
} from './answers.js';
import { DownlinkError, InvalidUtf8, notAClientId, notADuration } from './errors.js';
import type { Channel, ChannelState, Data, Item, ItemResult, MessagesPage, PresencePage, Sent } from './models.js';

/** One call of the API: what to send, and how to read the answer. */
export interface Call<T> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query, encoded. */
  readonly target: string;
  readonly read: (body: unknown) => T;
  /** Whether doing it twice is the same as doing it once, so that it may be tried again. */
  readonly repeatable: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Uint8Array<ArrayBuffer>;
}

/** Few enough that a page of the longest client ids stays under 1 MiB of JSON. */
const PRESENCE_PAGE = 1_000;

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Repeatable: creating a channel stores nothing, and an unused token just expires. */
export function createChannel(clientId: string, durationMinutes: number | undefined): Call<Channel> {
  // JSON would turn these into `null`, which is not what was asked for.
  if (durationMinutes !== undefined && !Number.isFinite(durationMinutes)) throw notADuration();
  const body = { client_id: checkedId(clientId), duration_minutes: durationMinutes };
  return {
    method: 'POST', target: '/v1/channels', read: readChannel, repeatable: true, headers: JSON_TYPE, content: encodeJson(body),
  };
}

/** The target goes into the query: a path cannot carry every client id. */
export function send(to: string, data: Data, ttl: number | undefined, idempotencyKey: string | undefined): Call<Sent> {
  const text = typeof data === 'string';
  const headers: Record<string, string> = {
    'Content-Type': text ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    'Idempotency-Key': checkedKey(idempotencyKey ?? newIdempotencyKey()),
  };
  if (ttl !== undefined) headers['Downlink-TTL'] = `${checkedTtl(ttl)}`;
  return {
    method: 'POST',
    target: `/v1/messages?to=${encoded(to)}`,
    read: readSent,
    repeatable: isStored(ttl),
    headers,
    content: text ? new TextEncoder().encode(checkedText(data)) : bytesOf(data),
  };
}

/** Items from `encodeItem`; repeatable if each is stored, and so protected by its key. */
export function sendItems(encodedItems: readonly string[], repeatable: boolean): Call<ItemResult[]> {
  const content = new TextEncoder().encode(`[${encodedItems.join(',')}]`);
  return { method: 'POST', target: '/v1/messages', read: readItemResults, repeatable, headers: JSON_TYPE, content };
}

/** One element of the array form of `POST /v1/messages`. */
export function encodeItem({ to, data, ttl, idempotencyKey }: Item): string {
  return JSON.stringify({
    to: typeof to === 'string' ? checkedId(to) : Array.from(to, checkedId),
    ...(typeof data === 'string' ? { data: checkedText(data) } : { base64: Buffer.from(bytesOf(data)).toString('base64') }),
    ttl: ttl === undefined ? undefined : checkedTtl(ttl),
    idempotency_key: checkedKey(idempotencyKey ?? newIdempotencyKey()),
  });
}

/** Whether an idempotency key protects a message: what is not stored cannot be recognised when it comes again. */
export function isStored(ttl: number | undefined): boolean {
  return ttl !== 0;
}

/** The query form, which every client id fits into. */
export function channel(clientId: string): Call<ChannelState> {
  return { method: 'GET', target: `/v1/channels?client_id=${encoded(clientId)}`, read: readState, repeatable: true };
}

/** Repeatable: what is deleted once more is no more deleted. */
export function deleteChannel(clientId: string): Call<void> {
  return { method: 'DELETE', target: `/v1/channels?client_id=${encoded(clientId)}`, read: readNothing, repeatable: true };
}

/** The only call with the client id in its path. */
export function messages(clientId: string, after: string | undefined): Call<MessagesPage> {
  // `.` and `..` are spelled out, or the path would be resolved on the way; `exchange` sees to it that they stay so.
  const segment = encoded(clientId).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));
  const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
  return { method: 'GET', target: `/v1/channels/${segment}/messages${query}`, read: readMessages, repeatable: true };
}

/** One page of the client ids with a socket. */
export function presence(after: string | undefined): Call<PresencePage> {
  const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
  return { method: 'GET', target: `/v1/presence?limit=${PRESENCE_PAGE}${query}`, read: readPresence, repeatable: true };
}

/** A key that nobody else makes. */
function newIdempotencyKey(): string {
  return randomUUID().replaceAll('-', '');
}

function encoded(clientId: string): string {
  return encodeURIComponent(checkedId(clientId));
}

/** Length and emptiness are the server's to refuse; here it is only about what can be written at all. */
function checkedId(clientId: string): string {
  if (typeof clientId !== 'string' || !clientId.isWellFormed()) throw notAClientId();
  return clientId;
}

function checkedText(data: string): string {
  if (!data.isWellFormed()) {
    throw new InvalidUtf8('invalid_utf8', 'The text holds a lone surrogate, which UTF-8 cannot carry.');
  }
  return data;
}

function checkedKey(key: string): string {
  if (/^[\x20-\x7e]+$/.test(key)) return key;
  throw new DownlinkError('invalid_idempotency_key', 'An idempotency key is printable ASCII, at least one character.');
}

function checkedTtl(ttl: number): number {
  if (Number.isSafeInteger(ttl) && ttl >= 0) return ttl;
  throw new DownlinkError('invalid_ttl', 'A TTL is a whole number of seconds, 0 or more.');
}

/** A copy: what the caller does with its bytes afterwards must not change a second try. */
function bytesOf(data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(data)) return new Uint8Array(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  throw new TypeError(`a message is a string or bytes, not ${data === null ? 'null' : typeof data}`);
}

function encodeJson(body: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(body));
}
