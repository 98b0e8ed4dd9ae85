import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Channel } from '../src/channel.ts';
import type { ChannelOptions } from '../src/api.ts';
import { FakeWebSocket, allowStorage, seconds, settle } from './world.ts';

beforeEach(() => {
  vi.useFakeTimers();
  FakeWebSocket.all = [];
  allowStorage();
});
afterEach(() => vi.useRealTimers());

const options = { url: 'https://host/v1/socket', WebSocket: FakeWebSocket };

/** Handlers that note their events. */
function noting(events: unknown[]) {
  return {
    onopen: () => events.push('open'),
    onmessage: (message: object) => events.push(message),
    ongap: (gap: object) => events.push(gap),
    onerror: (why: object) => events.push(['error', why]),
    onclose: (why: object) => events.push(['close', why]),
  };
}

test('hands over what comes', async () => {
  const events: unknown[] = [];
  const channel = new Channel('token', { ...options, ...noting(events) });
  expect([channel.state, channel.cursor]).toEqual(['idle', undefined]);
  expect(channel.open()).toBe(channel);
  await settle();
  FakeWebSocket.last.open('e.1');
  FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
  FakeWebSocket.last.say({ data: 'y' });
  FakeWebSocket.last.say({ type: 'gap', cursor: 'e.5', reason: 'trimmed' });
  expect([channel.state, channel.cursor]).toEqual(['open', 'e.5']);
  channel.close();
  expect(channel.state).toBe('closed');
  await settle();
  expect(events).toEqual([
    'open',
    { id: 'e.2', data: 'x' },
    { data: 'y' },
    { cursor: 'e.5', reason: 'trimmed' },
    ['close', { code: 1000, reason: '' }],
  ]);
});

test('a final answer is an error and then the end', async () => {
  const events: unknown[] = [];
  new Channel('token', { ...options, ...noting(events) }).open();
  await settle();
  FakeWebSocket.last.say({ type: 'close', code: 4410, reason: 'The channel was deleted.' });
  await settle();
  const why = { code: 4410, reason: 'The channel was deleted.' };
  expect(events).toEqual([['error', why], ['close', why]]);
});

test('a handler that throws breaks nothing, and its error is seen', async () => {
  const had: unknown[] = [];
  const channel = new Channel('token', {
    ...options,
    onmessage({ data }) {
      had.push(data);
      if (data === 'bad') throw new Error('the handler is broken');
    },
  }).open();
  await settle();
  FakeWebSocket.last.open();
  FakeWebSocket.last.say({ id: 'e.1', data: 'bad' });
  FakeWebSocket.last.say({ id: 'e.2', data: 'good' });
  expect(had).toEqual(['bad', 'good']);
  expect(channel.state).toBe('open');
  expect(channel.cursor).toBe('e.2');
  await expect(settle()).rejects.toThrow('the handler is broken');
});

test('handlers may be set later, and inside one the cursor is that of the message', async () => {
  const late: ChannelOptions = { ...options };
  const channel = new Channel('token', late).open();
  await settle();
  FakeWebSocket.last.open();
  const cursors: unknown[] = [];
  late.onmessage = () => cursors.push(channel.cursor);
  FakeWebSocket.last.say({ id: 'e.1', data: 'x' });
  expect(cursors).toEqual(['e.1']);
});

test('a handler that closes gets nothing more', async () => {
  const had: unknown[] = [];
  const channel: Channel = new Channel('token', {
    ...options,
    onmessage({ data }) {
      had.push(data);
      channel.close();
    },
  }).open();
  await settle();
  const socket = FakeWebSocket.last;
  socket.open();
  socket.say({ id: 'e.1', data: 'x' });
  socket.say({ id: 'e.2', data: 'y' });
  expect(had).toEqual(['x']);
});

test('starts where it is told, and goes on where it was when opened again', async () => {
  const channel = new Channel('token', { ...options, after: 'e.7' }).open().open();
  await settle();
  expect(FakeWebSocket.all).toHaveLength(1);
  expect(FakeWebSocket.last.url).toBe('wss://host/v1/socket?after=e.7');
  FakeWebSocket.last.open('e.7');
  FakeWebSocket.last.say({ id: 'e.8', data: 'x' });
  channel.close();
  channel.open();
  await settle();
  expect(FakeWebSocket.last.url).toBe('wss://host/v1/socket?after=e.8');
});

test('addresses may be relative to the page, or WebSocket ones', async () => {
  vi.stubGlobal('location', { href: 'https://app.example/room/7' });
  for (const [url, href] of [
    ['/v1/socket', 'wss://app.example/v1/socket'],
    ['ws://host:1/s', 'ws://host:1/s'],
    ['http://host/s?x=1', 'ws://host/s?x=1'],
  ]) {
    new Channel('token', { ...options, url: url as string }).open();
    await settle();
    expect(FakeWebSocket.last.url).toBe(href);
  }
});

test('a first poll with messages hands them over', async () => {
  const had: unknown[] = [];
  const fetch = (async () => Response.json({ socket: 's', messages: [{ id: 'e.1', data: 'x' }], cursor: 'e.1' })) as never;
  const { url } = options;
  const channel = new Channel('token', { url, fetch, transports: ['longpoll'], onmessage: ({ data }) => had.push(data) });
  channel.open();
  await settle();
  channel.close();
  expect(had).toEqual(['x']);
});

test('outside a browser the address must be said', () => {
  expect(() => new Channel('token').open()).toThrow('say where the server is');
});

test('without WebSocket it uses SSE', async () => {
  vi.stubGlobal('WebSocket', undefined);
  const asked: unknown[] = [];
  const fetch = (async (_: string, init: RequestInit) => {
    asked.push((init.headers as Record<string, string>).Accept);
    return new Promise(() => undefined);
  }) as typeof globalThis.fetch;
  new Channel('token', { url: options.url, fetch }).open();
  await seconds(1);
  expect(asked).toEqual(['text/event-stream']);
});
