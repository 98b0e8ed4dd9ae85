/** The server is killed and comes back: whoever was listening has everything that was answered, in order, once. */
import { expect } from 'vitest';
import { kinds, noted, received, untilMessage, untilNoted } from '../support/pages.ts';
import { Running } from '../support/process.ts';
import { Sender } from '../support/sender.ts';
import { test } from '../support/test.ts';
import { until } from '../support/until.ts';

/** What was received, against what was sent: nothing that was answered is missing, and nothing is there twice. */
function expectWhole(got: number[], sender: Sender, who: string): void {
  const answered = new Set(sender.answered);
  const unknown = new Set(sender.unknown);
  expect(got.filter((number) => answered.has(number)), `${who}: all that was answered, in order, once`).toEqual(sender.answered);
  expect(got, `${who}: what got no answer may be there, in its place, once`).toEqual([...new Set(got)].sort((a, b) => a - b));
  expect(got.filter((number) => !answered.has(number) && !unknown.has(number))).toEqual([]);
}

test('kill -9 while messages are sent, three times: silence, and nothing lost or repeated', async ({ start, pages, id }) => {
  const world = await start();
  const { api, server } = world;
  const token = JSON.stringify(await api.createChannel(id));
  const page = await pages.open(server.url + world.put({ script: `
    attach(new goog.appengine.Channel(${token}).open(), "classic");
    import("/downlink.mjs").then(function (module) {
      ["websocket", "sse", "longpoll"].forEach(function (transport) {
        var made = handlers(transport);
        made.transports = [transport];
        new module.Channel(${token}, made).open();
      });
    });` }));
  const names = ['classic', 'websocket', 'sse', 'longpoll'];
  for (const name of names) await untilNoted(page, 'onopen', name);
  const sender = new Sender(api, id);
  for (let round = 0; round < 3; round++) {
    await sender.more(40);
    await server.kill();
    await server.start();
  }
  await sender.more(40);
  await until('everybody is back', async () => (await api.sockets(id)).length >= names.length);
  await sender.more(10);
  await sender.stop();
  await api.send(id, '1000000');
  for (const name of names) {
    await untilMessage(page, '1000000', name);
    const got = (await received(page, name)).map(Number);
    expectWhole(got.slice(0, -1), sender, name);
    const others = (await kinds(page, name)).filter((kind) => kind !== 'onmessage');
    expect(others, `${name}: a reconnect is silent`).toEqual(['onopen']);
  }
});

test('a page that is reloaded while the server is down goes on after what it had', async ({ start, pages, id }) => {
  const world = await start();
  const { api, server } = world;
  const page = await pages.open(world.classic(await api.createChannel(id)));
  await untilNoted(page, 'onopen');
  await api.sendMany(id, ['1', '2', '3']);
  await untilMessage(page, '3');
  await page.goto('about:blank');
  await api.send(id, '4');
  await server.kill();
  await server.start();
  await api.send(id, '5');
  await page.goBack();
  await untilMessage(page, '5');
  expect((await received(page)).filter((data) => Number(data) > 3)).toEqual(['4', '5']);
});

test('a plain EventSource with the token in its address resumes by Last-Event-ID', async ({ start, pages, id }) => {
  const world = await start();
  const { api, server } = world;
  const token = encodeURIComponent(await api.createChannel(id));
  const page = await pages.open(server.url + world.put({ library: '', script: `
    var source = new EventSource("/v1/socket?token=${token}");
    source.addEventListener("ready", function () { record("a", "ready"); });
    source.addEventListener("gap", function (event) { record("a", "gap", event.data); });
    source.onmessage = function (event) { record("a", "onmessage", { data: event.data, id: event.lastEventId }); };` }));
  await untilNoted(page, 'ready');
  const sender = new Sender(api, id);
  for (let round = 0; round < 2; round++) {
    await sender.more(40);
    await server.kill();
    await server.start();
    await untilNoted(page, 'ready', 'a', round + 2);
  }
  await sender.more(10);
  await sender.stop();
  await api.send(id, '1000000');
  await untilMessage(page, '1000000');
  expectWhole((await received(page)).map(Number).slice(0, -1), sender, 'EventSource');
  expect(await kinds(page)).not.toContain('gap');
  expect((await noted(page)).find(({ kind }) => kind === 'onmessage')?.argument.id).toMatch(/^.+\.\d+$/);
});

/** How curl asks, and what it prints for a message. */
const CURLS = [
  { format: 'lines', accept: [], message: /^\{"id":"([^"]+)","data":"(\d+)"\}$/gm },
  { format: 'events', accept: ['-H', 'Accept: text/event-stream'], message: /^id: (\S+)\ndata: (\d+)\n\n/gm },
];

for (const { format, accept, message } of CURLS) {
  test(`curl gets ${format}, and goes on with ?after= when the server is back`, async ({ start, id }) => {
    const world = await start();
    const { api, server } = world;
    const address = `${server.url}/v1/socket?token=${encodeURIComponent(await api.createChannel(id))}`;
    const listen = (after = '') => new Running('curl', ['-sN', ...accept, address + after]);
    let curl = listen();
    const had: { id: string; number: number }[] = [];
    const take = () => had.push(...[...curl.out.matchAll(message)].map(([, id, data]) => ({ id: id as string, number: Number(data) })));
    await curl.prints(/"type":"open"/);
    const sender = new Sender(api, id);
    for (let round = 0; round < 2; round++) {
      await sender.more(30);
      await server.kill();
      await curl.ended();
      take();
      await server.start();
      await sender.more(5);
      curl = listen(`&after=${had.at(-1)?.id}`);
    }
    await sender.more(30);
    await sender.stop();
    await api.send(id, '1000000');
    await curl.prints(/1000000/);
    await curl.end('SIGTERM');
    take();
    expectWhole(had.map(({ number }) => number).slice(0, -1), sender, format);
    expect(curl.log).not.toContain('gap');
  });
}
