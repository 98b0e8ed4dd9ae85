/** The cases that server, browser library and SDKs share: see `conformance/README.md`. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLOSE_CODES, INVALID_TOKEN, TIMED_OUT, TOKEN_REFUSED, comesBack } from '../src/close.ts';
import { isBeyond, sameEpoch } from '../src/cursor.ts';
import { type Frame, frameOf } from '../src/frames.ts';
import { EventStream } from '../src/transport/event_stream.ts';

/** The cases of one file. */
function cases<Case>(name: string): (Case & { name: string })[] {
  const path = new URL(`../../conformance/cases/${name}.json`, import.meta.url);
  const found = JSON.parse(readFileSync(path, 'utf8')).cases;
  expect(found.length).toBeGreaterThan(0);
  return found;
}

describe('close codes', () => {
  const table = cases<{ code: number; reason: string; comes_back: boolean }>('close-codes');

  test('are those of the server', () => {
    expect(CLOSE_CODES).toEqual(Object.fromEntries(table.map(({ code, reason }) => [code, reason])));
  });

  test.each(table)('$name: comes back $comes_back', ({ code, comes_back }) => {
    expect(comesBack(code)).toBe(comes_back);
  });
});

describe('cursors', () => {
  const valid = cases<{ text: string; valid: boolean }>('cursors').filter((cursor) => cursor.valid);

  test.each(valid)('$name is itself, behind the next one of its epoch, and of no other epoch', ({ text }) => {
    const [epoch, offset] = text.split('.') as [string, string];
    const next = `${epoch}.${BigInt(offset) + 1n}`;
    expect([isBeyond(text, text), isBeyond(next, text), isBeyond(text, next)]).toEqual([false, true, false]);
    expect([sameEpoch(text, next), sameEpoch(text, `${epoch}0.${offset}`)]).toEqual([true, false]);
  });
});

/** A frame as the cases write it. */
type Written = { kind: string; cursor?: string | null; text?: string; base64?: string };

/** The same frame in the library's form. */
function expected({ kind, ...rest }: Written): Frame {
  if (kind !== 'message') return { type: kind, ...rest } as Frame;
  const data = rest.text ?? new Uint8Array(Buffer.from(rest.base64 as string, 'base64')).buffer;
  return { type: 'message', ...(rest.cursor && { id: rest.cursor }), data };
}

describe('frames', () => {
  const frames = cases<{ frame: Written; json: string; sse: string }>('frames');

  test.each(frames)('$name, as JSON', ({ frame, json }) => {
    expect(frameOf(JSON.parse(json))).toEqual(expected(frame));
  });

  test.each(frames)('$name, as an event, cut anywhere', ({ frame, sse }) => {
    const bytes = new TextEncoder().encode(sse);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const events = new EventStream();
      const decoder = new TextDecoder();
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const got = pieces.flatMap((piece) => [...events.feed(decoder.decode(piece, { stream: true }))]);
      expect(got).toEqual([expected(frame)]);
    }
  });

  test('a token that timed out is told from an invalid one by its reason', () => {
    const close = frames.find(({ name }) => name === 'close');
    expect(close?.frame).toMatchObject({ code: TOKEN_REFUSED, reason: TIMED_OUT });
    expect(CLOSE_CODES[TOKEN_REFUSED]).toBe(INVALID_TOKEN);
  });
});
