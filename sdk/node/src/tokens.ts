/** Tokens that the application signs itself, with the server's token key and without a call. */
import { createHmac, randomBytes } from 'node:crypto';
import { env } from 'node:process';
import { DownlinkError, notAClientId, notADuration } from './errors.js';

/** How to sign. */
export interface SignOptions {
  /** 1 to 1440; 2 hours unless given. */
  readonly durationMinutes?: number | undefined;
  /** The server's token key, at least 32 bytes of UTF-8; `DOWNLINK_TOKEN_KEY` unless given. */
  readonly key?: string | undefined;
  /** The name of the key, where the server has several (`kid`). */
  readonly keyId?: string | undefined;
  /** When the token begins; now unless given. */
  readonly now?: Date | undefined;
}

const KEY_BYTES_MIN = 32;
const CLIENT_ID_BYTES_MAX = 256;
const DURATION_MINUTES = 120;
const DURATION_MINUTES_MAX = 1_440;

/**
 * Signs a token with which a page opens the channel of `clientId`.
 *
 * It starts a few seconds before now, where one of `createChannel` starts exactly where the channel is.
 */
export function signToken(clientId: string, options: SignOptions = {}): string {
  return signTokenNamed(randomBytes(16).toString('hex'), clientId, options);
}

/**
 * The same, with a `jti` of the caller's choice.
 * @internal
 */
export function signTokenNamed(jti: string, clientId: string, options: SignOptions): string {
  const { durationMinutes = DURATION_MINUTES, keyId, now = new Date() } = options;
  const key = Buffer.from(options.key ?? env['DOWNLINK_TOKEN_KEY'] ?? '');
  if (key.byteLength < KEY_BYTES_MIN) {
    throw new DownlinkError('invalid_key', `Set DOWNLINK_TOKEN_KEY, or give key: at least ${KEY_BYTES_MIN} bytes.`);
  }
  if (typeof clientId !== 'string' || !clientId.isWellFormed()) throw notAClientId();
  const bytes = Buffer.byteLength(clientId);
  if (bytes === 0 || bytes > CLIENT_ID_BYTES_MAX) throw notAClientId();
  if (!Number.isInteger(durationMinutes) || durationMinutes < 1 || durationMinutes > DURATION_MINUTES_MAX) throw notADuration();
  const iat = Math.floor(now.getTime() / 1000);
  const header = { alg: 'HS256', typ: 'JWT', kid: keyId };
  const claims = { aud: 'downlink', sub: clientId, iat, exp: iat + durationMinutes * 60, jti };
  const content = `${encoded(header)}.${encoded(claims)}`;
  return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
