/** The callbacks of the script: which come, in which order, how often, with what; and what closing and reopening means. */
import { expect } from 'vitest';
import { inEachBrowser } from '../../support/acceptance.ts';
import { callbacks, calls, kinds, noted, received, untilMessage, untilNoted } from '../../support/notes.ts';
import { freshId } from '../../support/test.ts';
import { signToken } from '../../support/token.ts';
import { until } from '../../support/until.ts';

/** Texts that some layer between here and there might change. Without NUL, which the old service did not have either. */
const TEXTS = [
  JSON.stringify({ a: [1, 'two', null], 'b"': '\\' }),
  '"quotes" \'and\' `ticks` \\ \\n </script> <b>&amp;',
  'one\ntwo\n\nfour\n',
  '\nbegins with a line feed',
  'carriage\rreturn\r\nand both\r',
  Array.from({ length: 31 }, (_, code) => String.fromCharCode(code + 1)).join(''),
  'control \u007f\u0085\u2028\u2029',
  'astral 🌍 𝒳 👩‍👩‍👧, combined e\u0301, right to left \u200fאב',
  '   ',
  '\ufeffbegins with a byte order mark',
  'data: not a field\nid: 7\nevent: x\n: not a comment',
  '0',
  'é'.repeat(16 * 1024),
];

inEachBrowser((test) => {
  test('item 19, item 26, item 30: a garbage token is an error and an end, once and in this order; onopen never', async ({ world, tabs, id }) => {
    const tokens = ['garbage', 'a.b.c', '', 'spaces and "quotes"', signToken(id, 60, 'another key, and long enough for one')];
    const tab = await tabs.open(world.server.url + world.put({
      script: `var tokens = ${JSON.stringify(tokens)};
        for (var i = 0; i < tokens.length; i++) attach(new goog.appengine.Channel(tokens[i]).open(), "s" + i);`,
    }));
    for (const number of tokens.keys()) await untilNoted(tab, 'onclose', `s${number}`);
    for (const [number, token] of tokens.entries()) {
      expect(await callbacks(tab, `s${number}`), token).toEqual([
        ['onerror', { code: 401, description: 'Invalid+token.' }, 2],
        ['onclose', {}, 3],
      ]);
    }
  });

  test('item 30: a token whose time is over is an error and an end', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(signToken(id, -30)));
    await untilNoted(tab, 'onclose');
    expect(await calls(tab)).toEqual([['onerror', { code: 401, description: 'Token+timed+out.' }], ['onclose', {}]]);
  });

  test('item 22, item 24: a handler object, one that lacks some, and none', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.server.url + world.put({ script: `
      var channel = new goog.appengine.Channel("${await world.api.createChannel(id)}");
      var later = channel.open(); attach(later, "later");
      var whole = channel.open(handlers("whole"));
      var some = channel.open({ onopen: handlers("some").onopen, onmessage: handlers("some").onmessage });
      var none = channel.open();
      attach(channel.open(), "marker");` }));
    for (const name of ['later', 'whole', 'some', 'marker']) await untilNoted(tab, 'onopen', name);
    for (const text of ['1', '2']) await world.api.send(id, text);
    for (const name of ['later', 'whole', 'some', 'marker']) await untilMessage(tab, '2', name);
    await tab.evaluate(() => {
      const { later, whole, some, none } = window as any;
      for (const socket of [later, whole, some, none]) socket.close();
    });
    for (const name of ['later', 'whole']) await untilNoted(tab, 'onclose', name);
    await world.api.send(id, '3');
    await untilMessage(tab, '3', 'marker');
    const messages = [['onmessage', { data: '1' }], ['onmessage', { data: '2' }]];
    for (const name of ['later', 'whole']) {
      expect(await calls(tab, name)).toEqual([['onopen', {}], ...messages, ['onclose', {}]]);
    }
    expect(await calls(tab, 'some')).toEqual([['onopen', {}], ...messages]);
    expect(await tab.evaluate(() => ['some', 'none'].map((name) => (window as any)[name].readyState))).toEqual([3, 3]);
    expect(tabs.problems).toEqual([]);
  });

  test('item 23: a handler that is exchanged gets the next message, and the socket as its this', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
      socket.onmessage = function (event) {
        record("a", "first", event.data, this === socket);
        socket.onmessage = function (event) { record("a", "second", event.data); };
      };`));
    for (const text of ['1', '2', '3']) await world.api.send(id, text);
    await untilNoted(tab, 'second', 'a', 2);
    expect(await callbacks(tab)).toEqual([
      ['onopen', {}, 1], ['first', '1', true], ['second', '2', undefined], ['second', '3', undefined],
    ]);
  });

  test('item 24: a handler that throws neither repeats nor loses anything, and the page hears of its error', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
      window.onerror = function (text) { record("page", "error", /broken/.test(text)); return true; };
      socket.onopen = function () { record("a", "onopen"); throw new Error("broken"); };
      socket.onmessage = function (event) { record("a", "onmessage", event); throw new Error("broken"); };
      socket.onclose = null;`));
    await untilNoted(tab, 'onopen');
    for (const text of ['1', '2']) await world.api.send(id, text);
    await untilMessage(tab, '2');
    await untilNoted(tab, 'error', 'page', 3);
    await tab.evaluate(() => (window as any).socket.close());
    await until('it is closed', () => tab.evaluate(() => (window as any).socket.readyState === 3));
    expect(await kinds(tab, 'a')).toEqual(['onopen', 'onmessage', 'onmessage']);
    expect(await calls(tab, 'page')).toEqual(Array(3).fill(['error', true]));
  });

  test('item 25: data is a string, equal to what was sent', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)));
    await untilNoted(tab, 'onopen');
    for (const text of TEXTS) await world.api.send(id, text);
    await world.api.send(id, 'last');
    await untilMessage(tab, 'last');
    expect(await received(tab)).toEqual([...TEXTS, 'last']);
  });

  test('item 26, item 28: 0 at first, 1 in onopen, 3 in onclose; close() ends it once, later, without an error', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), 'record("page", "after open()", socket.readyState);'));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    await tab.evaluate(() => {
      const { socket, record } = window as any;
      socket.close();
      record('page', 'after close()', socket.readyState);
      socket.close();
    });
    await untilNoted(tab, 'onclose');
    // Another channel of the same page shows that what was sent after the end has passed by.
    await world.api.send(id, 'after the end');
    const other = freshId();
    const token = await world.api.createChannel(other);
    await tab.evaluate((token) => {
      const { goog, attach } = window as any;
      attach(new goog.appengine.Channel(token).open(), 'b');
    }, token);
    await world.api.send(other, 'passed by');
    await untilMessage(tab, 'passed by', 'b');
    expect((await noted(tab)).filter(({ name }) => name !== 'b').map(({ kind, argument, state }) => [kind, argument, state])).toEqual([
      ['after open()', 0, undefined],
      ['onopen', {}, 1],
      ['onmessage', { data: 'hello' }, 1],
      ['after close()', 2, undefined],
      ['onclose', {}, 3],
    ]);
    await until('the server knows that the page has left', async () => (await world.api.sockets(id)).length === 0);
    expect(tabs.problems).toEqual([]);
  });

  test('item 28: close() in onopen, in onmessage, and before anything has come', async ({ world, tabs, id }) => {
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => world.api.createChannel(id)));
    await world.api.sendMany(id, ['1', '2', '3']);
    const tab = await tabs.open(world.server.url + world.put({ script: `
      var inOpen = attach(new goog.appengine.Channel("${one}").open(), "inOpen");
      inOpen.onopen = function () { record("inOpen", "onopen"); inOpen.close(); };
      var inMessage = attach(new goog.appengine.Channel("${two}").open(), "inMessage");
      inMessage.onmessage = function (event) { record("inMessage", "onmessage", event); inMessage.close(); };
      var atOnce = attach(new goog.appengine.Channel("${three}").open(), "atOnce");
      atOnce.close();
      record("page", "all called");` }));
    for (const name of ['inOpen', 'inMessage', 'atOnce']) await untilNoted(tab, 'onclose', name);
    expect(await kinds(tab, 'inOpen')).toEqual(['onopen', 'onclose']);
    expect(await kinds(tab, 'inMessage')).toEqual(['onopen', 'onmessage', 'onclose']);
    expect(await received(tab)).toEqual(['1']);
    expect(await kinds(tab, 'atOnce')).toEqual(['onclose']);
    expect((await noted(tab))[0]?.kind, 'nothing comes inside the calls').toBe('all called');
  });

  test('item 29: ten new channels from onclose, in a row, leave nothing behind', async ({ world, tabs, id }) => {
    const tokens = await Promise.all(Array.from({ length: 10 }, () => world.api.createChannel(id)));
    const tab = await tabs.open(world.server.url + world.put({ head: `<script>
      // Everything that could go on by itself, counted from the beginning.
      var live = {};
      ["Timeout", "Interval"].forEach(function (kind) {
        var set = window["set" + kind], clear = window["clear" + kind];
        window["set" + kind] = function (then, delay) {
          var number = set(function () { if (kind === "Timeout") delete live[number]; then(); }, delay);
          live[number] = kind + " of " + delay;
          return number;
        };
        window["clear" + kind] = function (number) { delete live[number]; clear(number); };
      });</script>`, script: `
      var tokens = ${JSON.stringify(tokens)};
      function next(number) {
        var token = tokens.shift();
        if (!token) { setTimeout(function () { record("page", "done", Object.keys(live).map(function (key) { return live[key]; })); }, 0); return; }
        var socket = new goog.appengine.Channel(token).open({
          onopen: function () { record("s" + number, "onopen"); socket.close(); },
          onmessage: function () { record("s" + number, "onmessage"); },
          onerror: function () { record("s" + number, "onerror"); },
          onclose: function () { record("s" + number, "onclose"); next(number + 1); }
        });
      }
      next(0);` }));
    await untilNoted(tab, 'done', 'page');
    for (let number = 0; number < 10; number++) expect(await kinds(tab, `s${number}`)).toEqual(['onopen', 'onclose']);
    expect(await calls(tab, 'page'), 'no timer').toEqual([['done', []]]);
    expect(await tab.evaluate(() => document.getElementsByTagName('iframe').length)).toBe(0);
    await until('no connection', async () => (await world.api.sockets(id)).length === 0);
    expect(tabs.problems).toEqual([]);
  });

  test('item 30: close() inside onerror, and a new channel from there: still one onclose', async ({ world, tabs, id }) => {
    const token = await world.api.createChannel(id);
    const tab = await tabs.open(world.classic('garbage', `
      socket.onerror = function (error) {
        record("a", "onerror", error);
        socket.close(); socket.close();
        attach(new goog.appengine.Channel("${token}").open(), "b");
      };`));
    await untilNoted(tab, 'onopen', 'b');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello', 'b');
    expect(await kinds(tab, 'a')).toEqual(['onerror', 'onclose']);
    expect(await kinds(tab, 'b')).toEqual(['onopen', 'onmessage']);
  });

  test('item 32: two channels of different client ids on one page', async ({ world, tabs, id }) => {
    const other = freshId();
    const [one, two] = [await world.api.createChannel(id), await world.api.createChannel(other)];
    const tab = await tabs.open(world.server.url + world.put({ script: `
      attach(new goog.appengine.Channel("${one}").open(), "one");
      attach(new goog.appengine.Channel("${two}").open(), "two");` }));
    for (const name of ['one', 'two']) await untilNoted(tab, 'onopen', name);
    for (const number of [1, 2, 3]) {
      await world.api.send(id, `one ${number}`);
      await world.api.send(other, `two ${number}`);
    }
    for (const name of ['one', 'two']) {
      await untilMessage(tab, `${name} 3`, name);
      expect(await received(tab, name)).toEqual([`${name} 1`, `${name} 2`, `${name} 3`]);
    }
    expect(tabs.problems).toEqual([]);
  });
});
