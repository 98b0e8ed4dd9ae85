import { afterEach, expect, test, vi } from 'vitest';
import { backoff } from '../src/backoff.ts';
import { comesBack } from '../src/close.ts';
import { isBeyond, sameEpoch } from '../src/cursor.ts';
import { frameOf } from '../src/frames.ts';

afterEach(() => vi.restoreAllMocks());

test('offsets are compared as 64-bit numbers', () => {
  expect(isBeyond('e.10', 'e.9')).toBe(true);
  expect(isBeyond('e.9', 'e.10')).toBe(false);
  expect(isBeyond('e.9', 'e.9')).toBe(false);
  expect(isBeyond('e.18446744073709551615', 'e.18446744073709551614')).toBe(true);
  expect(isBeyond('e.9007199254740993', 'e.9007199254740992')).toBe(true);
  expect(isBeyond('e.9007199254740992', 'e.9007199254740993')).toBe(false);
});

test('cursors of different epochs cannot be compared, so nothing is taken for a repetition', () => {
  expect(isBeyond('f.1', 'e.9')).toBe(true);
  expect(isBeyond('e.1', undefined)).toBe(true);
  expect(sameEpoch('e.1', 'e.2')).toBe(true);
  expect(sameEpoch('e1.1', 'e.1')).toBe(false);
});

test('the range says whether to come back after codes of later servers', () => {
  expect([4000, 4099, 4404, 4499, 3000, 4600].map(comesBack)).not.toContain(true);
  expect([1014, 1999, 4500, 4599].map(comesBack)).not.toContain(false);
});

test('waits double under a ceiling of 20 s, with full jitter', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  expect([0, 1, 2, 5, 6, 500].map(backoff)).toEqual([500, 1000, 2000, 16_000, 20_000, 20_000]);
  vi.spyOn(Math, 'random').mockReturnValue(0);
  expect(backoff(6)).toBe(0);
});

test('a message is text or bytes, and may have no place', () => {
  expect(frameOf({ id: 'e.1', data: 'x' })).toEqual({ type: 'message', id: 'e.1', data: 'x' });
  expect(frameOf({ data: 'x' })).toEqual({ type: 'message', data: 'x' });
  const binary = frameOf({ id: 'e.2', base64: 'AAH/' });
  expect(binary).toMatchObject({ type: 'message', id: 'e.2' });
  expect([...new Uint8Array((binary as { data: ArrayBuffer }).data)]).toEqual([0, 1, 255]);
});

test('what a later server says is a sign of life', () => {
  expect(frameOf({ type: 'weather' } as never)).toEqual({ type: 'ping' });
  expect(frameOf({ id: 'e.1' })).toEqual({ type: 'ping' });
});
