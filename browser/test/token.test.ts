import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TokenSource, looksLikeToken, renewalTime } from '../src/token.ts';
import { jwt } from './world.ts';

const NOW = 1_700_000_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000 });
});
afterEach(() => vi.useRealTimers());

/** Seconds from now until a token of these times is renewed. */
function renewedAfter(iat: number, exp: number): number {
  return renewalTime(jwt(NOW + iat, NOW + exp), NOW * 1000) / 1000 - NOW;
}

test('a token is renewed a minute before its end, or in its last quarter', () => {
  expect(renewedAfter(0, 7200)).toBe(7140);
  expect(renewedAfter(-3600, 3600)).toBe(3540);
  expect(renewedAfter(0, 60)).toBe(45);
});

test('with a wrong clock, a token is taken for new', () => {
  expect(renewedAfter(-86_400, -79_200)).toBe(7140);
  expect(renewedAfter(86_400, 93_600)).toBe(7140);
});

test('a token that tells no times is never renewed', () => {
  for (const token of ['token', 'a.b.c', 'a.e30.c', jwt(0, 0), jwt(5, 3)]) expect(renewalTime(token, 0)).toBe(Infinity);
});

test('only what could travel looks like a token', () => {
  expect(['a', jwt(0, 1), 'A-Z_0.~+'].map(looksLikeToken)).toEqual([true, true, true]);
  expect(['', ' a', 'a,b', 'a/b', 'ä', 7, null].map(looksLikeToken)).not.toContain(true);
});

test('who asks while a token is being fetched gets the same one', async () => {
  let answer: (token: string) => void = () => undefined;
  const fetched = vi.fn(() => new Promise<string>((resolve) => (answer = resolve)));
  const source = new TokenSource(fetched);
  const both = Promise.all([source.get(), source.renew(), source.get()]);
  await vi.advanceTimersByTimeAsync(0);
  answer('token');
  expect(await both).toEqual(['token', 'token', 'token']);
  expect(fetched).toHaveBeenCalledTimes(1);
  expect(await source.get()).toBe('token');
  expect(fetched).toHaveBeenCalledTimes(1);
});

test('a token near its end is not used for a new connection', async () => {
  const source = new TokenSource(() => jwt(Date.now() / 1000, Date.now() / 1000 + 100));
  const first = await source.get();
  vi.setSystemTime(Date.now() + 70_000);
  expect(await source.get()).toBe(first);
  vi.setSystemTime(Date.now() + 6_000);
  expect(await source.get()).not.toBe(first);
});

test('what is no token does not replace the one in use', async () => {
  const answers = ['token', ''];
  const source = new TokenSource(() => answers.shift() as string);
  await source.get();
  expect(await source.renew()).toBe('');
  expect(source.current).toBe('token');
});
