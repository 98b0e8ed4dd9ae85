/** Tokens that an application signs by itself (RFC 7519, HS256), with times that the server would not choose. */
import { createHmac } from 'node:crypto';
import { TOKEN_KEY } from './server.ts';

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token for a client id that is valid up to `life_s` from now; a negative life is over. */
export function signToken(clientId: string, life_s: number, key = TOKEN_KEY): string {
  const now = Date.now() / 1000;
  const claims = { aud: 'downlink', sub: clientId, iat: Math.floor(Math.min(now, now + life_s - 1)), exp: now + life_s };
  const content = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ ...claims, jti: `${Math.random()}` })}`;
  return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`;
}
