/** Both HTTP transports over real sockets and the real `fetch`: streams in pieces, aborts, posts. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Channel } from '../src/channel.ts';
import type { TransportName } from '../src/api.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Serves with `answer` and tells the address. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    answer(request, response, body);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server?.address() as AddressInfo).port}/v1/socket`;
}

/** Opens a channel that closes itself after the message `end`; answers with what it had when it has ended. */
function receive(url: string, transports: TransportName[]): Promise<unknown[]> {
  return new Promise((resolve) => {
    const had: unknown[] = [];
    const channel = new Channel('token', {
      url,
      transports,
      onmessage({ data }) {
        had.push(data);
        if (data === 'end') channel.close();
      },
      onclose: () => resolve(had),
    }).open();
  });
}

const OPEN = '{"type":"open","cursor":"e.0","socket":"s","ping":15}';

test('SSE comes in pieces, breaks, resumes, and leaves with a word', async () => {
  const asked: string[] = [];
  let left: (word: string) => void;
  const leave = new Promise<string>((resolve) => (left = resolve));
  const url = await serve((request, response, body) => {
    if (request.method === 'POST') {
      response.end();
      return left(`${request.url} ${body}`);
    }
    asked.push(request.url as string);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const again = asked.length > 1;
    const text = again ? 'id: e.1\ndata: ü\n\nid: e.2\ndata: end\n\n' : 'id: e.1\ndata: ü\n\n';
    const bytes = Buffer.from(`event: ready\nid: e.0\ndata: ${OPEN}\n\n${text}`);
    const cut = bytes.indexOf(Buffer.from('ü')) + 1;
    response.write(bytes.subarray(0, cut));
    setTimeout(() => {
      response.write(bytes.subarray(cut));
      if (!again) setTimeout(() => response.destroy(), 50);
    }, 20);
  });
  expect(await receive(url, ['sse'])).toEqual(['ü', 'end']);
  expect(await leave).toBe('/v1/socket/s {"close":true}');
  expect(asked).toEqual(['/v1/socket', '/v1/socket?after=e.1']);
});

test('long-poll goes on from answer to answer', async () => {
  const queue = [[], ['one', 'two'], ['end']];
  let offset = 0;
  const url = await serve((request, response) => {
    if (request.method === 'POST') return response.end();
    const messages = (queue.shift() ?? []).map((data) => ({ id: `e.${++offset}`, data }));
    return response.end(JSON.stringify({ socket: 's', messages, cursor: `e.${offset}` }));
  });
  expect(await receive(url, ['longpoll'])).toEqual(['one', 'two', 'end']);
});

test('a server without streams is served by long-poll', async () => {
  const url = await serve((request, response) => {
    if (request.headers.accept === 'text/event-stream') return response.writeHead(406).end();
    return response.end(JSON.stringify({ socket: 's', messages: [{ id: 'e.1', data: 'end' }], cursor: 'e.1' }));
  });
  expect(await receive(url, ['sse', 'longpoll'])).toEqual(['end']);
});
