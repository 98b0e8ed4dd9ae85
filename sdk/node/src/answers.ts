/** Reads the server's JSON into the values of `models`. No I/O. */
import { DownlinkError, errorFor } from './errors.js';
import {
  Channel, type ChannelState, FailedTarget, type Gap, type ItemResult, type Message, type MessagesPage, type PresencePage,
  type Sent, type SocketState,
} from './models.js';

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

type Json = { readonly [member: string]: unknown };

/** Says what a successful answer says; throws what any other one means. */
export function readAnswer<T>(answer: Answer, read: (body: unknown) => T): T {
  if (answer.status < 200 || answer.status > 299) throw readProblem(answer);
  try {
    // An answer without a body is `undefined` to its reader, which says whether that will do.
    return read(answer.body === '' ? undefined : JSON.parse(answer.body));
  } catch {
    // The cause is left out: its text may quote the answer, and the answer may hold a token.
    throw unexpectedAnswer('The answer is not what Downlink says; is there something else at this address?', answer.status);
  }
}

/** For an answer that cannot be one of Downlink. */
export function unexpectedAnswer(detail: string, status?: number): DownlinkError {
  return new DownlinkError('unexpected_answer', detail, status);
}

/** Makes an error of a problem document, or of the bare status where a proxy answered. */
function readProblem({ status, body }: Answer): DownlinkError {
  try {
    const problem = object(JSON.parse(body));
    return errorFor(text(problem, 'code'), `${problem['detail'] || problem['title'] || ''}`, status);
  } catch {
    return errorFor(`http_${status}`, `The answer was ${status}, with no reason given.`, status);
  }
}

/** `POST /v1/channels`. */
export function readChannel(body: unknown): Channel {
  const channel = object(body);
  return new Channel(text(channel, 'client_id'), text(channel, 'token'), time(channel, 'expires_at'), text(channel, 'cursor'));
}

/** `DELETE` of a channel: nothing is said. */
export function readNothing(): void {}

/** A message for one client id. Nothing stored (a TTL of 0) means no id. */
export function readSent(body: unknown): Sent {
  const sent = object(body);
  return { id: optional(sent, 'id', text), sockets: number(sent, 'sockets') };
}

/** The array form of `POST /v1/messages`. */
export function readItemResults(body: unknown): ItemResult[] {
  return array(body).map(readItemResult);
}

function readItemResult(body: unknown): ItemResult {
  const result = object(body);
  if ('code' in result) return { code: text(result, 'code'), detail: optional(result, 'detail', text) ?? '' };
  if (!('stored' in result)) return readSent(result);
  const failed = array(result['failed'] ?? []).map(object);
  return {
    ...readSent(result),
    stored: number(result, 'stored'),
    failed: failed.map((one) => new FailedTarget(text(one, 'to'), text(one, 'code'))),
  };
}

/** `GET /v1/channels?client_id=`. */
export function readState(body: unknown): ChannelState {
  const state = object(body);
  return {
    connected: boolean(state, 'connected'),
    since: optional(state, 'since', time),
    sockets: array(state['sockets']).map(readSocket),
    cursor: optional(state, 'cursor', text),
    acked: optional(state, 'acked', text),
    lag: optional(state, 'lag', number),
  };
}

function readSocket(body: unknown): SocketState {
  const socket = object(body);
  return {
    transport: text(socket, 'transport'),
    address: optional(socket, 'address', text),
    since: time(socket, 'since'),
    cursor: text(socket, 'cursor'),
    acked: optional(socket, 'acked', text),
  };
}

/** `GET` of a channel's kept messages. */
export function readMessages(body: unknown): MessagesPage {
  const page = object(body);
  return {
    messages: array(page['messages']).map(readMessage),
    cursor: text(page, 'cursor'),
    gap: readGap(page['gap']),
    next: optional(page, 'next', text),
  };
}

function readMessage(body: unknown): Message {
  const message = object(body);
  const data = 'data' in message ? text(message, 'data') : new Uint8Array(Buffer.from(text(message, 'base64'), 'base64'));
  return { id: text(message, 'id'), data, time: time(message, 'time') };
}

function readGap(body: unknown): Gap | null {
  if (body === null || body === undefined) return null;
  const gap = object(body);
  return { reason: text(gap, 'reason'), cursor: optional(gap, 'cursor', text) };
}

/** `GET /v1/presence`. */
export function readPresence(body: unknown): PresencePage {
  const page = object(body);
  const clientIds = array(page['client_ids']);
  if (!clientIds.every((one) => typeof one === 'string')) throw new TypeError();
  return { clientIds, next: optional(page, 'next', text) };
}

// --- one member each; a wrong one throws, and `readAnswer` says what that means ---

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError();
  return value as Json;
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError();
  return value;
}

function text(of: Json, name: string): string {
  const value = of[name];
  if (typeof value !== 'string') throw new TypeError();
  return value;
}

function number(of: Json, name: string): number {
  const value = of[name];
  if (typeof value !== 'number') throw new TypeError();
  return value;
}

function boolean(of: Json, name: string): boolean {
  const value = of[name];
  if (typeof value !== 'boolean') throw new TypeError();
  return value;
}

/** RFC 3339, as `Date` takes it; digits beyond milliseconds are dropped. */
function time(of: Json, name: string): Date {
  const moment = new Date(text(of, name));
  if (Number.isNaN(moment.getTime())) throw new TypeError();
  return moment;
}

function optional<T>(of: Json, name: string, read: (of: Json, name: string) => T): T | null {
  return of[name] === null || of[name] === undefined ? null : read(of, name);
}
