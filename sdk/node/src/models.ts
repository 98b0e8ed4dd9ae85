/**
 * The values that go into calls and come out of them.
 *
 * What holds a token is a class that keeps it to itself: values end up in logs, by `console.log` as by `JSON.stringify`.
 */
import { inspect } from 'node:util';

/** What a message carries: a string arrives as text, bytes arrive as binary. */
export type Data = string | Uint8Array;

/** A freshly created channel: what the page needs to open it. */
export class Channel {
  readonly clientId: string;
  readonly expiresAt: Date;
  /** Where a socket opened with this token starts: nothing sent after now is missed. */
  readonly cursor: string;
  readonly #token: string;

  /** Made by `createChannel`. */
  constructor(clientId: string, token: string, expiresAt: Date, cursor: string) {
    this.clientId = clientId;
    this.#token = token;
    this.expiresAt = expiresAt;
    this.cursor = cursor;
  }

  /**
   * The secret with which the page opens the channel, until it expires. It has to be asked for by this name: neither
   * `console.log` nor `JSON.stringify` nor a spread of the channel shows it.
   */
  get token(): string {
    return this.#token;
  }
}

/** One message of `sendMany`. */
export interface Item {
  /** A client id or token; or a list of client ids, which get the message as one record. */
  readonly to: string | readonly string[];
  readonly data: Data;
  /** Seconds after which nobody needs the message any more. */
  readonly ttl?: number | undefined;
  /** Made for you when absent. */
  readonly idempotencyKey?: string | undefined;
}

/** A message was accepted for one client id, or for those who are there now (a TTL of 0). */
export interface Sent {
  /** Its place in the channel; `null` if nothing was stored (a TTL of 0). */
  readonly id: string | null;
  /** How many sockets were open on the answering node: a hint, not a receipt. */
  readonly sockets: number;
}

/** One of several targets that a message did not go to. */
export class FailedTarget {
  readonly to: string;
  readonly code: string;

  /** Made by `sendMany`. */
  constructor(to: string, code: string) {
    this.to = to;
    this.code = code;
  }

  /** As for `JSON.stringify`: a token is not shown. */
  toJSON(): { to: string; code: string } {
    return { to: looksLikeToken(this.to) ? '[token]' : this.to, code: this.code };
  }

  /** As for `console.log`: a token is not shown. */
  [inspect.custom](): object {
    return this.toJSON();
  }
}

/** A message was accepted for a list of client ids. */
export interface SentToMany {
  /** Its place; `null` if nothing was stored. */
  readonly id: string | null;
  /** For how many client ids it was stored. */
  readonly stored: number;
  readonly sockets: number;
  readonly failed: readonly FailedTarget[];
}

/** One item of `sendMany` was refused; the others are not touched by it. */
export interface ItemError {
  readonly code: string;
  readonly detail: string;
}

/** What became of one item of `sendMany`. `'code' in result` tells a refusal, `'stored' in result` a list of ids. */
export type ItemResult = Sent | SentToMany | ItemError;

/** One open socket, as the server tells of it. */
export interface SocketState {
  readonly transport: string;
  readonly address: string | null;
  readonly since: Date;
  /** Up to where it has had everything. */
  readonly cursor: string;
  /** What the page acknowledged; `null` if it does not. */
  readonly acked: string | null;
}

/** Who listens to a channel, and how far they are. */
export interface ChannelState {
  readonly connected: boolean;
  /** Since when somebody is connected, or nobody is; `null` if that is not known. */
  readonly since: Date | null;
  readonly sockets: readonly SocketState[];
  /** The channel's newest place. */
  readonly cursor: string | null;
  /** The highest cursor that any socket acknowledged; `null` if none did. */
  readonly acked: string | null;
  /** How many messages the slowest socket still has to get; 0 if nobody is behind. */
  readonly lag: number | null;
}

/** A kept message of a channel. */
export interface Message {
  readonly id: string;
  readonly data: Data;
  readonly time: Date;
}

/** Messages between the asked cursor and the oldest kept message may be gone. */
export interface Gap {
  /** `trimmed` (too old to be kept) or `epoch` (the log began anew). */
  readonly reason: string;
  readonly cursor: string | null;
}

/** Some of a channel's kept messages, oldest first. */
export interface MessagesPage {
  readonly messages: readonly Message[];
  /** Ask again with this one later, to get what came since. */
  readonly cursor: string;
  /** Set if messages before this page are missing; `null` if none are. */
  readonly gap: Gap | null;
  /** Where the next page starts; `null` on the last one. */
  readonly next: string | null;
}

/** Some of the client ids that have a socket open. */
export interface PresencePage {
  readonly clientIds: readonly string[];
  readonly next: string | null;
}

/** Whether a send's target has the shape of a token, as the server sees it. */
export function looksLikeToken(target: string): boolean {
  // Three parts, of which the first is an encoded `{"`.
  return target.startsWith('eyJ') && target.split('.').length === 3;
}
