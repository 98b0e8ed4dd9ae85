import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CloseFrame, Frame } from '../src/frames.ts';
import { longpoll } from '../src/transport/longpoll.ts';
import { sse } from '../src/transport/sse.ts';
import type { Attempt, Transport } from '../src/transport/transport.ts';
import { websocket } from '../src/transport/websocket.ts';
import { FakeWebSocket, seconds, settle } from './world.ts';

beforeEach(() => {
  vi.useFakeTimers();
  FakeWebSocket.all = [];
});
afterEach(() => vi.useRealTimers());

/** Starts a transport, and notes what it tells. */
function start(transport: Transport, over: Partial<Attempt>) {
  const frames: Frame[] = [];
  const ends: (CloseFrame | undefined)[] = [];
  const attempt: Attempt = {
    url: 'https://host:7171/base/socket?tenant=a',
    token: () => 'tok.en',
    after: undefined,
    web: { fetch },
    ...over,
  };
  const link = transport.start(attempt, { frame: (frame) => frames.push(frame), end: (answer) => ends.push(answer) });
  return { link, frames, ends };
}

describe('WebSocket', () => {
  const web = { fetch, WebSocket: FakeWebSocket };

  test('carries the token as a subprotocol and the cursor in the query', () => {
    start(websocket, { web, after: 'k3f.12' });
    expect(FakeWebSocket.last.url).toBe('wss://host:7171/base/socket?tenant=a&after=k3f.12');
    expect(FakeWebSocket.last.protocols).toEqual(['downlink.v1', 'downlink.token.tok.en']);
    start(websocket, { web, url: 'http://host/s' });
    expect(FakeWebSocket.last.url).toBe('ws://host/s');
  });

  test('hands frames on, and says its words as JSON', () => {
    const { link, frames } = start(websocket, { web });
    FakeWebSocket.last.open('e.1');
    FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
    link.say({ ack: 'e.2' });
    link.say({ token: 'new' });
    expect(frames).toEqual([
      { type: 'open', cursor: 'e.1', socket: 's', ping: 15 },
      { type: 'message', id: 'e.2', data: 'x' },
    ]);
    expect(FakeWebSocket.last.said).toEqual(['{"ack":"e.2"}', '{"token":"new"}']);
  });

  test('leaves with code 1000, and otherwise without a code', () => {
    start(websocket, { web }).link.close(true);
    expect(FakeWebSocket.last.closedWith).toBe(1000);
    const { link, ends } = start(websocket, { web });
    link.close(false);
    expect(FakeWebSocket.last.closedWith).toBe('no code');
    FakeWebSocket.last.end(1005);
    expect(ends).toEqual([]);
  });

  test.each([
    [1006, false, undefined],
    [1005, true, undefined],
    [1000, true, undefined],
    [1002, false, undefined],
    [4401, true, 4401],
    [1012, true, 1012],
  ])('an end with %i (clean: %s) is the answer %s', (code, clean, answer) => {
    const { ends } = start(websocket, { web });
    FakeWebSocket.last.end(code, 'why', clean);
    expect(ends.map((end) => end?.code)).toEqual([answer]);
  });

  test('nonsense ends it', () => {
    const { ends, frames } = start(websocket, { web });
    FakeWebSocket.last.onmessage?.({ data: '<html>' });
    expect([frames, ends]).toEqual([[], [undefined]]);
    expect(FakeWebSocket.last.closedWith).toBe('no code');
  });

  test('an error is an end: a page whose CSP forbids the connection gets no close event', () => {
    const { ends } = start(websocket, { web });
    FakeWebSocket.last.onerror?.();
    expect(ends).toEqual([undefined]);
  });

  test('without one there is an error, which is an end', () => {
    expect(() => start(websocket, { web: { fetch } })).toThrow();
  });
});

/** A `fetch` that answers with the given responses in turn, then never. */
function answers(...responses: (() => Response | Promise<Response>)[]) {
  const requests: { url: string; init: RequestInit }[] = [];
  const fetch = ((url: string, init: RequestInit) => {
    requests.push({ url, init });
    const next = responses.shift();
    if (next) return Promise.resolve().then(next);
    return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
  }) as typeof globalThis.fetch;
  return { requests, web: { fetch } };
}

function stream(text: string, type = 'text/event-stream'): () => Response {
  return () => new Response(text, { headers: { 'Content-Type': type } });
}

function json(value: object, init?: ResponseInit): () => Response {
  return () => Response.json(value, init);
}

const READY = 'event: ready\nid: e.0\ndata: {"type":"open","cursor":"e.0","socket":"so/1","ping":15}\n\n';

describe('SSE', () => {
  test('asks with the token in a header, and hands frames on until the stream ends', async () => {
    const { web, requests } = answers(stream(`${READY}id: e.1\ndata: x\n\n`));
    const { frames, ends } = start(sse, { web, after: 'e.0' });
    await settle();
    expect(requests[0]?.url).toBe('https://host:7171/base/socket?tenant=a&after=e.0');
    expect(requests[0]?.init).toMatchObject({
      headers: { Accept: 'text/event-stream', Authorization: 'Bearer tok.en' },
      cache: 'no-store',
      credentials: 'omit',
    });
    expect(frames.map((frame) => frame.type)).toEqual(['open', 'message']);
    expect(ends).toEqual([undefined]);
  });

  test('posts its words to the socket, and its leave so that it outlives the page', async () => {
    const posted = () => new Response();
    const { web, requests } = answers(stream(READY), posted, posted);
    const { link } = start(sse, { web });
    link.say({ ack: 'e.0' });
    expect(requests).toHaveLength(1);
    await settle();
    link.say({ token: 'new' });
    link.close(true);
    // A stream that breaks off first would be gone before its farewell arrives.
    expect(requests[0]?.init.signal?.aborted).toBe(false);
    await settle();
    expect(requests.slice(1).map(({ url, init }) => [url, init.method, init.body, init.keepalive])).toEqual([
      ['https://host:7171/base/socket/so%2F1?tenant=a', 'POST', '{"token":"new"}', false],
      ['https://host:7171/base/socket/so%2F1?tenant=a', 'POST', '{"close":true}', true],
    ]);
    expect(requests[0]?.init.signal?.aborted).toBe(true);
    expect(requests[2]?.init.signal).toBeUndefined();
    // Nothing for which a browser would ask another origin first.
    expect(requests[2]?.init.headers).toBeUndefined();
  });

  test('another content, a broken connection or a broken event is an end without answer', async () => {
    for (const response of [
      stream('<html>captive portal</html>', 'text/html'),
      json({}, { status: 404 }),
      stream('event: ready\ndata: {\n\n'),
      () => Promise.reject(new TypeError('network')),
    ]) {
      const { ends, frames } = start(sse, { web: answers(response).web });
      await settle();
      expect([frames, ends]).toEqual([[], [undefined]]);
    }
  });
});

describe('what a refusal means', () => {
  test.each([
    [401, { code: 'token_timed_out', detail: 'Fetch a new one.' }, 4401, 'Token timed out.'],
    [401, { code: 'invalid_token', detail: 'Fetch a new one.' }, 4401, 'Invalid token.'],
    [400, { code: 'invalid_cursor', detail: 'Not a cursor.' }, 4400, 'Not a cursor.'],
    [403, { code: 'origin', detail: 'Not from here.' }, 4403, 'Not from here.'],
    [410, {}, 4410, 'HTTP 410'],
    [503, { code: 'overloaded' }, 1013, 'HTTP 503'],
    [429, {}, 1013, 'HTTP 429'],
  ])('%i %o', async (status, problem, code, reason) => {
    for (const transport of [sse, longpoll]) {
      const { ends } = start(transport, { web: answers(json(problem, { status })).web });
      await settle();
      expect(ends).toEqual([{ type: 'close', code, reason }]);
    }
  });

  test('a body that is no problem document changes nothing, and Retry-After is obeyed', async () => {
    const plain = answers(() => new Response('no', { status: 401 }));
    const busy = answers(() => new Response('', { status: 503, headers: { 'Retry-After': '7' } }));
    const first = start(sse, { web: plain.web });
    const second = start(sse, { web: busy.web });
    await settle();
    expect(first.ends[0]).toMatchObject({ code: 4401, reason: 'Invalid token.' });
    expect(second.ends[0]).toMatchObject({ code: 1013, retry_after_ms: 7000 });
  });
});

describe('long-poll', () => {
  test('asks at once, then with patience, each from where the last one ended and with the newest token', async () => {
    const { web, requests } = answers(
      json({ socket: 's', messages: [{ id: 'e.1', data: 'x' }], cursor: 'e.1' }),
      json({ socket: 's', gap: { cursor: 'e.4', reason: 'trimmed' }, messages: [{ id: 'e.5', base64: 'AA==' }], cursor: 'e.6' }),
    );
    let token = 0;
    const { frames } = start(longpoll, { web, token: () => `token${token++}` });
    await settle();
    const asked = requests.map(({ url }) => new URL(url).search);
    expect(asked).toEqual([
      '?tenant=a&wait=0',
      '?tenant=a&after=e.1&wait=25&socket=s',
      '?tenant=a&after=e.6&wait=25&socket=s',
    ]);
    expect(requests.map(({ init }) => (init.headers as Record<string, string>).Authorization)).toEqual([
      'Bearer token0',
      'Bearer token1',
      'Bearer token2',
    ]);
    expect(frames).toEqual([
      { type: 'open', socket: 's', ping: 25 },
      { type: 'message', id: 'e.1', data: 'x' },
      { type: 'ping', cursor: 'e.1' },
      { type: 'gap', cursor: 'e.4', reason: 'trimmed' },
      { type: 'message', id: 'e.5', data: new Uint8Array([0]).buffer },
      { type: 'ping', cursor: 'e.6' },
    ]);
  });

  test('hands on why the server ends it', async () => {
    const close = { type: 'close', code: 4410, reason: 'The channel was deleted.' };
    const { web, requests } = answers(json({ socket: 's', messages: [], cursor: 'e.1', close }));
    const { frames } = start(longpoll, { web });
    await seconds(10);
    expect(frames.at(-1)).toEqual(close);
    expect(requests).toHaveLength(1);
  });

  test('answers that were not held are no reason for a storm', async () => {
    // As from a cache on the way, which repeats what it once saw.
    const empty = json({ socket: 's', messages: [{ id: 'e.1', data: 'x' }], cursor: 'e.1' });
    const { web, requests } = answers(...Array.from({ length: 100 }, () => empty));
    start(longpoll, { web });
    await seconds(10);
    expect(requests.length).toBeLessThan(15);
  });

  test('after a farewell nothing is asked again, however late it is heard', async () => {
    let answer: ((response: Response) => void) | undefined;
    let heard: ((response: Response) => void) | undefined;
    const { web, requests } = answers(
      json({ socket: 's', messages: [], cursor: 'e.1' }),
      () => new Promise<Response>((resolve) => (answer = resolve)),
      () => new Promise<Response>((resolve) => (heard = resolve)),
    );
    const { link } = start(longpoll, { web });
    await settle();
    link.close(true);
    // What was under way is answered with a message, before the server hears of the farewell.
    answer?.(await json({ socket: 's', messages: [{ id: 'e.2', data: 'x' }], cursor: 'e.2' })());
    await settle();
    heard?.(new Response());
    await seconds(60);
    expect(requests.map(({ init }) => init.body ?? 'poll')).toEqual(['poll', 'poll', '{"close":true}']);
  });

  test('an abort ends the asking', async () => {
    const { web, requests } = answers(json({ socket: 's', messages: [], cursor: 'e.1' }));
    const { link } = start(longpoll, { web });
    await settle();
    link.close(false);
    await seconds(60);
    expect(requests).toHaveLength(2);
  });
});
