/** The ES module: tokens from a function, gaps, the end. */
import { expect } from 'vitest';
import { kinds, noted, received, untilMessage, untilNoted } from '../support/pages.ts';
import { type World, test } from '../support/test.ts';
import { signToken } from '../support/token.ts';
import { until } from '../support/until.ts';

/** Opens a channel in a page of the application's own origin, with tokens from `/token`, and records all of it. */
function importing(world: World, setup = ''): string {
  return `import("${world.server.url}/downlink.mjs").then(function (module) {
    window.asked = 0;
    var made = handlers("a");
    made.onstatus = function (state) { record("status", state); };
    window.channel = new module.Channel(function () {
      asked += 1;
      return fetch("/token").then(function (answer) { return answer.text(); });
    }, made);
    ${setup} channel.open(); });`;
}

/** The page, and what its function is answered, one token after the other; the last one again and again. */
function tokens(world: World, ...answers: (() => string | Promise<string>)[]): void {
  let asked = 0;
  world.app.answer('/token', () => (answers[Math.min(asked++, answers.length - 1)] as () => string | Promise<string>)());
}

const asked = () => (window as any).asked as number;

test('a page of another origin imports it, and closes it', async ({ world, pages, id }) => {
  tokens(world, () => world.api.createChannel(id));
  const page = await pages.open(world.app.url + world.put({ library: '', script: importing(world) }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await world.api.send(id, Uint8Array.of(1, 2, 3));
  await untilNoted(page, 'onmessage', 'a', 2);
  const closing = await page.evaluate(() => {
    const { channel, records } = window as any;
    channel.close();
    channel.close();
    return { state: channel.state, said: records.at(-1).kind };
  });
  expect(closing, 'onclose comes later than the call').toEqual({ state: 'closed', said: 'closed' });
  await untilNoted(page, 'onclose');
  await until('the server knows that the page has left', async () => (await world.api.sockets(id)).length === 0);
  const notes = await noted(page, 'a');
  expect(notes.map(({ kind }) => kind)).toEqual(['onopen', 'onmessage', 'onmessage', 'onclose']);
  expect(notes[1]?.argument).toEqual({ data: 'hello', id: expect.stringMatching(/^.+\.\d+$/) });
  expect(notes[2]?.argument).toMatchObject({ data: { bytes: [1, 2, 3] } });
  expect(notes[3]?.argument).toEqual({ code: 1000, reason: '' });
  expect(await kinds(page, 'status')).toEqual(['connecting', 'open', 'closed']);
  expect(pages.problems).toEqual([]);
});

test('a token that is refused or too old: the function is asked again, and the page sees nothing of it', async ({ world, pages, id }) => {
  tokens(world, () => 'not-a-token', () => signToken(id, -5), () => world.api.createChannel(id));
  const page = await pages.open(world.app.url + world.put({ library: '', script: importing(world) }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  expect(await page.evaluate(asked)).toBe(3);
  expect(await kinds(page, 'a')).toEqual(['onopen', 'onmessage']);
});

test('a token that times out while the channel is open: a new one, and no message is missing', async ({ world, pages, id }) => {
  tokens(world, () => signToken(id, 8), () => world.api.createChannel(id));
  const page = await pages.open(world.app.url + world.put({ library: '', script: importing(world) }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'with the first');
  await page.waitForFunction(() => (window as any).asked === 2);
  await world.api.send(id, 'with the second');
  await untilMessage(page, 'with the second');
  expect(await received(page)).toEqual(['with the first', 'with the second']);
  expect((await kinds(page, 'a')).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
});

test('a token is renewed in time, on the open connection', async ({ world, pages, id }) => {
  // In the last quarter of its life, and when the library looks, every 5 s.
  tokens(world, () => signToken(id, 13), () => world.api.createChannel(id));
  const page = await pages.open(world.app.url + world.put({ library: '', script: importing(world) }));
  const over = Date.now() + 14_000;
  await untilNoted(page, 'onopen');
  await until('the first token has timed out', () => Date.now() > over);
  await world.api.send(id, 'still here');
  await untilMessage(page, 'still here');
  expect(await page.evaluate(asked)).toBe(2);
  expect(await kinds(page, 'status'), 'one connection all the time').toEqual(['connecting', 'open']);
});

test('a server without a memory: ongap says that the log began anew, and messages go on', async ({ start, pages, id }) => {
  const world = await start({ durability: 'memory' });
  const { api, server } = world;
  const token = JSON.stringify(await api.createChannel(id));
  const page = await pages.open(server.url + world.put({ script: `
    attach(new goog.appengine.Channel(${token}).open(), "classic");
    import("/downlink.mjs").then(function (module) { new module.Channel(${token}, handlers("a")).open(); });` }));
  for (const name of ['a', 'classic']) await untilNoted(page, 'onopen', name);
  await api.send(id, 'before');
  for (const name of ['a', 'classic']) await untilMessage(page, 'before', name);
  await server.kill();
  await server.start();
  await api.send(id, 'after');
  for (const name of ['a', 'classic']) {
    await untilMessage(page, 'after', name);
    expect(await kinds(page, name)).toEqual(['onopen', 'onmessage', 'ongap', 'onmessage']);
    expect((await noted(page, name))[2]?.argument.reason).toBe('epoch');
    expect(await received(page, name)).toEqual(['before', 'after']);
  }
});
