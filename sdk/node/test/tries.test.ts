/** When and how soon a call is tried again, without a network and without waiting. */
import { describe, expect, test } from 'vitest';
import { NoAnswer } from '../src/attempt.ts';
import { Tries } from '../src/retry.ts';

const LOST_ANSWER = new NoAnswer('ECONNRESET', false);
const NO_CONNECTION = new NoAnswer('ECONNREFUSED', true);

test('the waits grow and differ and end', () => {
  const runs = Array.from({ length: 200 }, () => {
    const tries = new Tries(true);
    const waits = [tries.delayAfterFailure(LOST_ANSWER), tries.delayAfter(503, null) ?? 0];
    expect(tries.delayAfter(503, null)).toBeUndefined();
    return waits as [number, number];
  });
  for (const [place, [least, most]] of [[0, [100, 300]], [1, [300, 900]]] as const) {
    const waits = runs.map((run) => run[place]);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...waits)).toBeLessThanOrEqual(most);
    expect(new Set(waits).size).toBeGreaterThan(100);
  }
});

describe('a server may ask for patience within reason', () => {
  for (const [asked, least, most] of [['2', 2000, 2000], ['600', 5000, 5000], ['soon', 100, 300], ['0', 100, 300]] as const) {
    test(asked, () => {
      const delay_ms = new Tries(true).delayAfter(503, asked);
      expect(delay_ms).toBeGreaterThanOrEqual(least);
      expect(delay_ms).toBeLessThanOrEqual(most);
    });
  }
});

test('who asked too often asks again when it was told to', () => {
  expect(new Tries(true).delayAfter(429, '1')).toBe(1000);
});

test('other answers are the last word', () => {
  for (const status of [200, 201, 202, 204, 400, 401, 413, 422, 500, 507]) {
    expect(new Tries(true).delayAfter(status, null)).toBeUndefined();
  }
});

test('what must not be done twice is tried again only if it never arrived', () => {
  expect(new Tries(false).delayAfter(503, null)).toBeUndefined();
  expect(new Tries(false).delayAfterFailure(NO_CONNECTION)).toBeGreaterThan(0);
  expect(() => new Tries(false).delayAfterFailure(LOST_ANSWER)).toThrow('connection_failed');
});
