/** The classic script's callbacks: which come, in which order, how often, and with what. */
import { expect } from 'vitest';
import { kinds, noted, received, untilMessage, untilNoted } from '../support/pages.ts';
import { freshId, test } from '../support/test.ts';
import { signToken } from '../support/token.ts';
import { until } from '../support/until.ts';

test('onopen once with {}, onmessage with {data}, close() gives onclose once', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  await page.evaluate(() => {
    const { socket, record } = window as any;
    record('page', 'before close()');
    socket.close();
    record('page', 'after close()', {}, socket.readyState);
    socket.close();
  });
  await untilNoted(page, 'onclose');
  // Another channel of the same page shows that what was sent after the end has passed by.
  await world.api.send(id, 'after the end');
  const other = freshId();
  const token = await world.api.createChannel(other);
  await page.evaluate((token) => {
    const { goog, attach } = window as any;
    attach(new goog.appengine.Channel(token).open(), 'b');
  }, token);
  await world.api.send(other, 'passed by');
  await untilMessage(page, 'passed by', 'b');
  expect((await noted(page, 'a')).map(({ kind, argument, state }) => [kind, argument, state])).toEqual([
    ['onopen', {}, 1],
    ['onmessage', { data: 'hello' }, 1],
    ['onclose', {}, 3],
  ]);
  expect(await kinds(page, 'page')).toEqual(['before close()', 'after close()']);
  expect((await noted(page, 'page'))[1]?.state, 'closing, until onclose').toBe(2);
  await until('the server knows that the page has left', async () => (await world.api.sockets(id)).length === 0);
  expect(pages.problems).toEqual([]);
});

test('a garbage token: onerror 401 "Invalid+token.", then onclose; onopen never', async ({ world, pages, id }) => {
  const tokens = ['garbage', 'a.b.c', '', 'spaces and "quotes"', signToken(id, 60, 'another key, and long enough for one')];
  const page = await pages.open(world.server.url + world.put({
    script: `${JSON.stringify(tokens)}.forEach(function (token, number) {
      attach(new goog.appengine.Channel(token).open(), "s" + number); });`,
  }));
  for (const [number, token] of tokens.entries()) {
    await untilNoted(page, 'onclose', `s${number}`);
    expect((await noted(page, `s${number}`)).map(({ kind, argument, state }) => [kind, argument, state]), token).toEqual([
      ['onerror', { code: 401, description: 'Invalid+token.' }, 2],
      ['onclose', {}, 3],
    ]);
  }
});

test('an expired token: onerror 401 "Token+timed+out.", then onclose; onopen never', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(signToken(id, -30)));
  await untilNoted(page, 'onclose');
  expect((await noted(page)).map(({ kind, argument }) => [kind, argument])).toEqual([
    ['onerror', { code: 401, description: 'Token+timed+out.' }],
    ['onclose', {}],
  ]);
});

test('a token that ends while the channel is open: messages, then the error, then onclose', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(signToken(id, 8)));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'in time');
  await untilNoted(page, 'onclose');
  expect((await noted(page)).map(({ kind, argument, state }) => [kind, argument, state])).toEqual([
    ['onopen', {}, 1],
    ['onmessage', { data: 'in time' }, 1],
    ['onerror', { code: 401, description: 'Token+timed+out.' }, 2],
    ['onclose', {}, 3],
  ]);
});

test('close() inside onerror still gives one onclose', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic('garbage', `
    socket.onerror = function (error) { record("a", "onerror", error); socket.close(); socket.close(); };`));
  await untilNoted(page, 'onclose');
  const token = await world.api.createChannel(id);
  await page.evaluate((token) => {
    const { goog, attach } = window as any;
    attach(new goog.appengine.Channel(token).open(), 'b');
  }, token);
  await untilNoted(page, 'onopen', 'b');
  expect(await kinds(page, 'a')).toEqual(['onerror', 'onclose']);
});

test('a handler object, a lacking handler, and handlers that are assigned later', async ({ world, pages, id }) => {
  const token = JSON.stringify(await world.api.createChannel(id));
  const script = `
    var channel = new goog.appengine.Channel(${token});
    var whole = channel.open(handlers("whole"));
    var some = channel.open({ onopen: handlers("some").onopen, onmessage: handlers("some").onmessage });
    var none = channel.open();
    var later = channel.open({ onmessage: function () { record("later", "never"); } });
    later.onmessage = function (message) {
      record("later", "first " + message.data);
      later.onmessage = function (message) { record("later", "second " + message.data); };
    };
    attach(channel.open(), "marker");`;
  const page = await pages.open(world.server.url + world.put({ script }));
  for (const name of ['whole', 'some', 'marker']) await untilNoted(page, 'onopen', name);
  await world.api.send(id, '1');
  await world.api.send(id, '2');
  for (const name of ['whole', 'some', 'marker']) await untilMessage(page, '2', name);
  await untilNoted(page, 'second 2', 'later');
  await page.evaluate(() => {
    const { whole, some, none, later } = window as any;
    for (const socket of [whole, some, none, later]) socket.close();
  });
  await untilNoted(page, 'onclose', 'whole');
  await world.api.send(id, '3');
  await untilMessage(page, '3', 'marker');
  expect(await kinds(page, 'whole')).toEqual(['onopen', 'onmessage', 'onmessage', 'onclose']);
  expect(await kinds(page, 'some')).toEqual(['onopen', 'onmessage', 'onmessage']);
  expect(await kinds(page, 'later')).toEqual(['first 1', 'second 2']);
  expect(await page.evaluate(() => ['whole', 'some', 'none', 'later'].map((name) => (window as any)[name].readyState)))
    .toEqual([3, 3, 3, 3]);
  expect(pages.problems).toEqual([]);
});

test('the names of the old script, beside what a page has already', async ({ world, pages, id }) => {
  const token = JSON.stringify(await world.api.createChannel(id));
  const page = await pages.open(world.server.url + world.put({
    library: `<script>var goog = { mine: 1, appengine: { also: 2 } }; var globals = Object.keys(window);</script>
      <script src="/_ah/channel/jsapi"></script><script src="/channel.js"></script>
      <script>var added = Object.keys(window).filter(function (name) { return globals.indexOf(name) < 0 });</script>`,
    script: `var socket = new goog.appengine.Channel(${token}).open(); attach(socket, "a");
      record("page", "state", socket.readyState); record("page", "send", socket.send("up"));`,
  }));
  await untilNoted(page, 'onopen');
  expect(await page.evaluate(() => {
    const { goog, added } = window as any;
    const { Channel, Socket } = goog.appengine;
    return {
      kept: [goog.mine, goog.appengine.also],
      added: added.filter((name: string) => name !== 'added'),
      states: Socket.ReadyState,
      methods: [Channel.prototype.open, Socket.prototype.close, Socket.prototype.send].map((it) => typeof it),
    };
  })).toEqual({
    kept: [1, 2],
    added: [],
    states: { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 },
    methods: ['function', 'function', 'function'],
  });
  expect((await noted(page, 'page')).map(({ kind, argument }) => [kind, argument])).toEqual([['state', 0], ['send', false]]);
  expect(pages.problems).toEqual([]);
});

test('ten reopenings in a row leave nothing behind', async ({ world, pages, id }) => {
  const tokens = await Promise.all(Array.from({ length: 10 }, () => world.api.createChannel(id)));
  const page = await pages.open(world.server.url + world.put({ script: `
    var tokens = ${JSON.stringify(tokens)}, frames = document.getElementsByTagName("iframe").length;
    (function next(number) {
      var token = tokens.shift();
      if (!token) return record("page", "done");
      var socket = new goog.appengine.Channel(token).open();
      socket.onopen = function () { record("s" + number, "onopen"); socket.close(); };
      socket.onclose = function () { record("s" + number, "onclose"); next(number + 1); };
    })(0);` }));
  await untilNoted(page, 'done', 'page');
  for (let number = 0; number < 10; number++) expect(await kinds(page, `s${number}`)).toEqual(['onopen', 'onclose']);
  expect(await page.locator('iframe').count()).toBe(0);
  await until('the server has no socket left', async () => (await world.api.sockets(id)).length === 0);
  expect(await received(page)).toEqual([]);
});
