import { expect, test } from 'vitest';
import { EventStream } from '../src/transport/event_stream.ts';
import type { Frame } from '../src/frames.ts';

/** The frames of a stream that comes in the given pieces of bytes. */
function frames(pieces: Uint8Array[]): Frame[] {
  const events = new EventStream();
  const decoder = new TextDecoder();
  return pieces.flatMap((piece) => [...events.feed(decoder.decode(piece, { stream: true }))]);
}

function parse(text: string): Frame[] {
  return frames([new TextEncoder().encode(text)]);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const STREAM = [
  'event: ready\nid: e.0\nretry: 1000\ndata: {"type":"open","cursor":"e.0","socket":"s","ping":15}\n\n',
  'id: e.1\ndata: hello\n\n',
  'id: e.2\ndata: grüße, 世界 \u{1f680}\ndata: \ndata:  two spaces before\n\n',
  'id: e.3\n\n',
  ': a comment\n\n',
  'id: e.4\nevent: binary\ndata: AAEC/w==\n\n',
  `id: e.5\nevent: base64text\ndata: ${base64('\ufeffa\rb\r\nç')}\n\n`,
  'data: kept nowhere\n\n',
  'event: gap\nid: e.9\ndata: {"type":"gap","cursor":"e.9","reason":"trimmed"}\n\n',
  'event: closing\ndata: {"type":"close","code":4401,"reason":"Token timed out."}\n\n',
].join('');

const FRAMES: Frame[] = [
  { type: 'open', cursor: 'e.0', socket: 's', ping: 15 },
  { type: 'message', id: 'e.1', data: 'hello' },
  { type: 'message', id: 'e.2', data: 'grüße, 世界 \u{1f680}\n\n two spaces before' },
  { type: 'ping', cursor: 'e.3' },
  { type: 'message', id: 'e.4', data: new Uint8Array([0, 1, 2, 255]).buffer },
  { type: 'message', id: 'e.5', data: '\ufeffa\rb\r\nç' },
  { type: 'message', data: 'kept nowhere' },
  { type: 'gap', cursor: 'e.9', reason: 'trimmed' },
  { type: 'close', code: 4401, reason: 'Token timed out.' },
];

test('every event has its frame', () => {
  expect(parse(STREAM)).toEqual(FRAMES);
});

test('a stream cut in two at any byte, inside characters too, gives the same frames', () => {
  for (const ends of ['\n', '\r\n', '\r']) {
    const bytes = new TextEncoder().encode(STREAM.replaceAll('\n', ends));
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(frames([bytes.subarray(0, cut), bytes.subarray(cut)]), `${JSON.stringify(ends)} at ${cut}`).toEqual(FRAMES);
    }
  }
});

test('a stream that drips byte by byte gives the same frames', () => {
  for (const ends of ['\n', '\r\n', '\r']) {
    const bytes = new TextEncoder().encode(STREAM.replaceAll('\n', ends));
    expect(frames([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(FRAMES);
  }
});

test('an event whose blank line has not come is not there', () => {
  expect(parse('id: e.1\ndata: hello\n')).toEqual([]);
});

test('a message of nothing but line ends, or of spaces, is kept as it is', () => {
  expect(parse('id: e.1\ndata: \ndata: \n\n')).toEqual([{ type: 'message', id: 'e.1', data: '\n' }]);
  expect(parse('id: e.1\ndata:    \n\n')).toEqual([{ type: 'message', id: 'e.1', data: '   ' }]);
  expect(parse('id: e.1\ndata:x\n\n')).toEqual([{ type: 'message', id: 'e.1', data: 'x' }]);
});

test('unknown fields say nothing, unknown events are a sign of life', () => {
  expect(parse('weather: fine\ndata\n\n')).toEqual([{ type: 'message', data: '' }]);
  expect(parse('event: weather\nid: e.1\ndata: fine\n\n')).toEqual([{ type: 'ping' }]);
  expect(parse('event: weather\n\ndata: x\n\n')).toEqual([{ type: 'message', data: 'x' }]);
});

test('a byte order mark at the start is not part of the first field', () => {
  expect(parse('\ufeffdata: x\n\n')).toEqual([{ type: 'message', data: 'x' }]);
});
