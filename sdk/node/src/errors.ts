/**
 * What can go wrong, by what a caller does about it.
 *
 * Downlink answers errors as RFC 9457 problem documents with a stable `code`. A class stands here for each answer that an
 * application is likely to branch on; everything else is a `DownlinkError` with its code. No text here ever holds a token,
 * a key or a message, and no error has a `cause`: the causes quote what was sent.
 */

/** A call was refused, or could not be made. */
export class DownlinkError extends Error {
  /** The stable word for what happened, such as `invalid_client_id`. */
  readonly code: string;
  /** A sentence that says what to do. */
  readonly detail: string;
  /** The HTTP status; absent when no answer of the server is behind this error. */
  readonly status: number | undefined;

  /** Made by this package; the parameters are the members. */
  constructor(code: string, detail: string, status?: number) {
    super(`${code}: ${detail}`);
    this.name = new.target.name;
    this.code = code;
    this.detail = detail;
    this.status = status;
  }
}

/** The client id is empty, over 256 bytes of UTF-8, or not text. */
export class InvalidClientId extends DownlinkError {}

/** The duration is not a whole number of minutes from 1 to 1440. */
export class InvalidDuration extends DownlinkError {}

/** The message cannot be sent as it is; its subclasses say why. */
export class InvalidMessage extends DownlinkError {}

/** The message has no bytes. */
export class EmptyMessage extends InvalidMessage {}

/** The message is over the server's limit (32 KiB unless configured). */
export class MessageTooLarge extends InvalidMessage {}

/** The message was to be text and is not UTF-8: it holds a lone surrogate. */
export class InvalidUtf8 extends InvalidMessage {}

/** The cursor does not parse; cursors are opaque and come from the server only. */
export class InvalidCursor extends DownlinkError {}

/** The idempotency key was used before with another message. */
export class IdempotencyConflict extends DownlinkError {}

/** The API key is missing, unknown or wrong. */
export class InvalidApiKey extends DownlinkError {}

/**
 * Downlink could not be reached, or cannot take the call now; trying later may help.
 *
 * Whether a send that ended so was stored is unknown. Sending it again with the same idempotency key within ten minutes is
 * safe either way.
 */
export class Unavailable extends DownlinkError {}

/** What is wrong with a presence notice. */
export type NoticeFault = 'missing_header' | 'bad_timestamp' | 'wrong_signature' | 'unreadable';

/** A presence notice that must not be believed. Answer it with 403. */
export class NoticeRefused extends DownlinkError {
  declare readonly code: NoticeFault;

  /** Made by `verifyNotice` and `readNotice`. */
  constructor(code: NoticeFault, detail: string) {
    super(code, detail);
  }
}

type Kind = new (code: string, detail: string, status?: number) => DownlinkError;

const BY_CODE: ReadonlyMap<string, Kind> = new Map([
  ['invalid_client_id', InvalidClientId],
  ['invalid_duration', InvalidDuration],
  ['empty_message', EmptyMessage],
  ['message_too_large', MessageTooLarge],
  ['invalid_utf8', InvalidUtf8],
  ['invalid_cursor', InvalidCursor],
  ['invalid_api_key', InvalidApiKey],
]);

// For answers whose code has no class, and for those of a proxy, which bear none. 413 is absent: a whole batch can be too
// large as well.
const BY_STATUS: ReadonlyMap<number, Kind> = new Map([
  [401, InvalidApiKey],
  [422, IdempotencyConflict],
  [429, Unavailable],
  [502, Unavailable],
  [503, Unavailable],
  [504, Unavailable],
  [507, Unavailable],
]);

/** The error whose class fits the code, else the status. */
export function errorFor(code: string, detail: string, status: number): DownlinkError {
  const kind = BY_CODE.get(code) ?? BY_STATUS.get(status) ?? DownlinkError;
  return new kind(code, detail, status);
}

/** For a client id that is found wrong before anything is sent. */
export function notAClientId(): InvalidClientId {
  return new InvalidClientId('invalid_client_id', 'A client id is 1 to 256 bytes of UTF-8 text.');
}

/** For a duration that is found wrong before anything is sent. */
export function notADuration(): InvalidDuration {
  return new InvalidDuration('invalid_duration', 'Give a whole number of minutes, 1 to 1440.');
}
