/**
 * Many tabs of one origin: over HTTP/2 they share a connection, and none waits for another. (Over HTTP/1.1 a browser opens six
 * connections to an origin; six event streams take them all, and everything else of that origin waits for ever.)
 */
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { FLAGS } from '../support/engines.ts';
import { CHROMIUM } from '../support/places.ts';
import { API_KEY, Server } from '../support/server.ts';

/** In the page: opens so many event streams, then calls the API and sends to each of them. */
async function tabs({ key, count }: { key: string; count: number }) {
  const within = <T,>(what: string, promise: Promise<T>): Promise<T> =>
    Promise.race([promise, new Promise<never>((_, no) => setTimeout(() => no(new Error(`waited in vain: ${what}`)), 20_000))]);
  const call = (path: string, method = 'GET', body: string | null = null) =>
    within(`${method} ${path}`, fetch(path, { method, body, headers: { authorization: `Bearer ${key}` } }));
  const created = await (await call('/v1/channels', 'POST', '{"client_id":"ada"}')).json();
  const sources = Array.from({ length: count }, () => new EventSource(`/v1/socket?token=${created.token}`));
  const heard: string[][] = sources.map(() => []);
  sources.forEach((source, index) => {
    source.onmessage = ({ data }) => heard[index]!.push(data);
  });
  await within('all are open', Promise.all(sources.map((source) => new Promise((yes) => source.addEventListener('ready', yes)))));
  for (let number = 0; number < 10; number += 1) {
    const sent = await call('/v1/channels/ada/messages', 'POST', String(number));
    if (sent.status !== 201) throw new Error(`a send was answered ${sent.status}`);
  }
  const look = await (await call('/v1/channels/ada')).json();
  await within('all have all', (async () => {
    while (heard.some(({ length }) => length < 10)) await new Promise((yes) => setTimeout(yes, 20));
  })());
  // A WebSocket beside them: the browser asks for it on a connection of HTTP/1.1.
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/socket`, ['downlink.v1', `downlink.token.${created.token}`]);
  const opened = await within('the WebSocket', new Promise<string>((yes) => (socket.onmessage = ({ data }) => yes(data))));
  const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
  const protocols = [...new Set(entries.filter(({ name }) => name.includes('/v1/')).map(({ nextHopProtocol }) => nextHopProtocol))];
  sources.forEach((source) => source.close());
  socket.close();
  return { heard, sockets: look.sockets.length, protocols, opened: JSON.parse(opened).type };
}

test('twenty event streams and the API share an origin over HTTP/2', async () => {
  const server = await new Server({ durability: 'memory', tls: true }).start();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(`${server.url}/healthz`);
    const { heard, sockets, protocols, opened } = await page.evaluate(tabs, { key: API_KEY, count: 20 });
    expect(heard).toEqual(Array.from({ length: 20 }, () => ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
    expect(sockets).toBe(20);
    expect(protocols).toEqual(['h2']);
    expect(opened).toBe('open');
  } finally {
    await browser.close();
    await server.stop();
  }
});
