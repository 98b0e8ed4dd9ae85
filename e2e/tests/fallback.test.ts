/** Something on the way lets not everything through: the page gets its messages all the same. */
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { kinds, received, untilMessage, untilNoted } from '../support/pages.ts';
import { type Faults, Relay } from '../support/relay.ts';
import { Sender } from '../support/sender.ts';
import { type World, test } from '../support/test.ts';
import { until } from '../support/until.ts';

/** The transports over which the server has this client id's sockets. */
async function transports(world: World, id: string): Promise<string[]> {
  const names: Record<string, string> = { long_poll: 'longpoll', 'long-poll': 'longpoll' };
  return (await world.api.sockets(id)).map(({ transport }) => names[transport] ?? transport);
}

/** What the library keeps in the page's storage about its choice. */
function remembered(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith('downlink.transport'));
    return key && localStorage.getItem(key)?.split(' ')[0];
  });
}

/** How often the page has tried to open a socket. */
const total = ({ tried }: Relay) => tried.websocket + tried.sse + tried.longpoll;

/** A page behind a relay with these faults. */
async function behind(world: World, faults: Faults, id: string): Promise<{ relay: Relay; address: string }> {
  const relay = await new Relay(() => world.server.url, faults).start();
  const address = world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url);
  return { relay, address };
}

test('a page in which WebSocket throws uses SSE, and remembers it', async ({ world, pages, id }) => {
  const context = await pages.context();
  await context.addInitScript(() => {
    (window as any).tried = 0;
    (window as any).WebSocket = class {
      constructor() {
        (window as any).tried += 1;
        throw new Error('no WebSocket here');
      }
    };
  });
  const page = await pages.open(world.classic(await world.api.createChannel(id)), context);
  await untilNoted(page, 'onopen');
  await world.api.sendMany(id, ['1', '2', '3']);
  await untilMessage(page, '3');
  expect(await received(page)).toEqual(['1', '2', '3']);
  expect(await transports(world, id)).toEqual(['sse']);
  expect(await remembered(page)).toBe('sse');
  expect(await page.evaluate(() => (window as any).tried)).toBe(1);
  await page.reload();
  await untilNoted(page, 'onopen');
  await world.api.send(id, '4');
  await untilMessage(page, '4');
  expect(await received(page)).toEqual(['4']);
  expect(await page.evaluate(() => (window as any).tried), 'remembered: not tried again').toBe(0);
});

test('a proxy that cuts WebSockets: SSE at once, remembered over a reload', async ({ world, pages, id }) => {
  const { relay, address } = await behind(world, { noUpgrade: true }, id);
  const page = await pages.open(address);
  await untilNoted(page, 'onopen');
  await world.api.sendMany(id, ['1', '2', '3']);
  await untilMessage(page, '3');
  expect(await transports(world, id)).toEqual(['sse']);
  expect(relay.tried).toEqual({ websocket: 1, sse: 1, longpoll: 0 });
  await page.reload();
  await untilNoted(page, 'onopen');
  await world.api.send(id, '4');
  await untilMessage(page, '4');
  expect(await received(page)).toEqual(['4']);
  expect(relay.tried, 'the page goes straight to what has worked').toEqual({ websocket: 1, sse: 2, longpoll: 0 });
  relay.stop();
});

test('a proxy that also holds streams back: long-poll, remembered over a reload', async ({ world, pages, id }) => {
  const { relay, address } = await behind(world, { noUpgrade: true, holdStreams: true }, id);
  const page = await pages.open(address);
  await untilNoted(page, 'onopen');
  await world.api.sendMany(id, ['1', '2', '3']);
  await untilMessage(page, '3');
  expect(await received(page)).toEqual(['1', '2', '3']);
  expect(await remembered(page)).toBe('longpoll');
  const { websocket, sse } = relay.tried;
  expect({ websocket, sse }).toEqual({ websocket: 1, sse: 1 });
  await page.reload();
  await untilNoted(page, 'onopen');
  await world.api.send(id, '4');
  await untilMessage(page, '4');
  expect(await received(page)).toEqual(['4']);
  expect(relay.tried).toMatchObject({ websocket: 1, sse: 1 });
  relay.stop();
});

test('from WebSocket to SSE to long-poll and back in the middle of the stream', async ({ world, pages, id }) => {
  const { relay, address } = await behind(world, {}, id);
  const page = await pages.open(address);
  await untilNoted(page, 'onopen');
  const sender = new Sender(world.api, id, 30);
  for (const [faults, next] of [
    [{ noUpgrade: true }, 'sse'],
    [{ noUpgrade: true, holdStreams: true }, 'longpoll'],
    [{}, 'websocket'],
  ] as const) {
    // Down for a moment: between two polls there is no connection to cut.
    relay.faults = { down: true };
    const before = total(relay);
    relay.cut();
    await until('the page has noticed', () => total(relay) > before);
    relay.faults = faults;
    await until(`messages come by ${next}`, async () => {
      // Someone looks at the page, so that it does not sit out its pauses.
      await page.evaluate(() => document.dispatchEvent(new Event('resume')));
      return (await transports(world, id)).includes(next);
    });
    await sender.more(20);
    await untilMessage(page, `${sender.answered.at(-1)}`);
  }
  await sender.stop();
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect(sender.unknown, 'only the page had a fault on its way').toEqual([]);
  expect(await received(page)).toEqual([...sender.answered.map(String), 'last']);
  expect((await kinds(page)).filter((kind) => kind !== 'onmessage'), 'all of it in silence').toEqual(['onopen']);
  expect(await remembered(page), 'a stopgap is not remembered').toBeUndefined();
  relay.stop();
});

test('a fallback that keeps working is left for a WebSocket that works again', async ({ world, pages, id }) => {
  const { relay, address } = await behind(world, { noUpgrade: true }, id);
  const context = await pages.context();
  await context.addInitScript(() => {
    const now = Date.now;
    let later_ms = 0;
    Date.now = () => now() + later_ms;
    (window as any).later = (more_ms: number) => void (later_ms += more_ms);
  });
  const later = (ms: number) => page.evaluate((ms) => (window as any).later(ms), ms);
  const page = await pages.open(address, context);
  await untilNoted(page, 'onopen');
  expect(await transports(world, id)).toEqual(['sse']);
  expect(await remembered(page)).toBe('sse');
  const sender = new Sender(world.api, id, 30);
  relay.faults = {};
  await sender.more(20);
  expect(relay.tried.websocket, 'not before its time').toBe(1);
  await later(300_000);
  await until('it is tried beside the connection that works', async () => {
    const open = await transports(world, id);
    return open.includes('sse') && open.includes('websocket');
  });
  await sender.more(20);
  await later(10_000);
  await until('it is the only one', async () => `${await transports(world, id)}` === 'websocket');
  await sender.more(20);
  await sender.stop();
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect(await received(page)).toEqual([...sender.answered.map(String), 'last']);
  expect((await kinds(page)).filter((kind) => kind !== 'onmessage'), 'all of it in silence').toEqual(['onopen']);
  expect(await remembered(page)).toBeUndefined();
  relay.stop();
});

test('a reset in the middle of a large message: it comes whole, once', async ({ world, pages, id }) => {
  const { relay, address } = await behind(world, {}, id);
  const page = await pages.open(address);
  await untilNoted(page, 'onopen');
  const sent = Array.from({ length: 60 }, (_, number) => `${number} `.padEnd(30_000, 'x'));
  for (const [number, text] of sent.entries()) {
    const answered = world.api.send(id, text);
    if (number % 20 === 10) relay.cut();
    await answered;
  }
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect((await received(page)).map((data) => data.slice(0, 8))).toEqual([...sent, 'last'].map((data) => data.slice(0, 8)));
  relay.stop();
});
