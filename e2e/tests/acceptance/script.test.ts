/** The script as old pages load it, the names that it brings, and the places in which it has to work. */
import { expect } from 'vitest';
import { inEachBrowser } from '../../support/acceptance.ts';
import { calls, received, untilMessage, untilNoted } from '../../support/notes.ts';
import { test as plain } from '../../support/test.ts';
import { TlsRelay } from '../../support/tls.ts';

/** What an old page does with a token, inline. */
const opening = (token: string) => `attach(new goog.appengine.Channel('${token}').open(), "a");`;

plain('item 20: the script is JavaScript that nobody keeps for long', async ({ world }) => {
  for (const path of ['/_ah/channel/jsapi', '/channel.js']) {
    const answer = await fetch(world.server.url + path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/javascript/);
    const seconds = Number(answer.headers.get('Cache-Control')?.match(/max-age=(\d+)/)?.[1] ?? 0);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(await answer.text()).toContain('appengine');
  }
});

inEachBrowser((test) => {
  test('item 20: the script loaded late, by an async script element', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.server.url + world.put({
      library: '',
      script: `window.onload = function () {
        var element = document.createElement("script");
        element.async = true;
        element.onload = function () { ${opening(await world.api.createChannel(id))} };
        element.src = "/_ah/channel/jsapi";
        document.getElementsByTagName("head")[0].appendChild(element);
      };`,
    }));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    expect(tabs.problems).toEqual([]);
  });

  test('item 20: the text of the script fetched and evaluated by a loader', async ({ world, tabs, id }) => {
    world.app.answer('/js/loader.js', async () => `
      var request = new XMLHttpRequest();
      request.open("GET", "/_ah/channel/jsapi", false);
      request.send();
      window.eval(request.responseText);
      ${opening(await world.api.createChannel(id))}`);
    const tab = await tabs.open(world.server.url + world.put({ library: '', body: '<script src="/js/loader.js"></script>' }));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
  });

  test('item 21: the old names are there, what the page has already stays, and nothing else comes', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.server.url + world.put({
      library: `<script>var goog = { mine: 1, appengine: { also: 2 } }; var globals = Object.keys(window);</script>
        <script src="/_ah/channel/jsapi"></script>
        <script>var added = Object.keys(window).filter(function (name) { return globals.indexOf(name) < 0; });</script>`,
      script: opening(await world.api.createChannel(id)),
    }));
    await untilNoted(tab, 'onopen');
    expect(await tab.evaluate(() => {
      const { goog, added } = window as any;
      const { Channel, Socket } = goog.appengine;
      return {
        kept: [goog.mine, goog.appengine.also],
        added: added.filter((name: string) => name !== 'added'),
        states: Socket.ReadyState,
        functions: [Channel, Socket, Channel.prototype.open, Socket.prototype.close, Socket.prototype.send].map((it) => typeof it),
      };
    })).toEqual({
      kept: [1, 2],
      added: [],
      states: { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 },
      functions: Array(5).fill('function'),
    });
    expect(tabs.problems).toEqual([]);
  });

  test('item 21: a page without a goog gets one, also when it loads the script by both names', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.server.url + world.put({
      library: `<script src="/_ah/channel/jsapi"></script><script>var first = goog.appengine.Channel;
        var early = new goog.appengine.Channel("${await world.api.createChannel(id)}").open(); attach(early, "early");</script>
        <script src="/channel.js"></script>`,
      script: opening(await world.api.createChannel(id)),
    }));
    for (const name of ['early', 'a']) await untilNoted(tab, 'onopen', name);
    await world.api.send(id, 'hello');
    for (const name of ['early', 'a']) await untilMessage(tab, 'hello', name);
    expect(await received(tab)).toEqual(['hello', 'hello']);
    expect(await tab.evaluate(() => (window as any).first === (window as any).goog.appengine.Channel)).toBe(true);
    expect(await tab.evaluate(() => (window as any).early instanceof (window as any).goog.appengine.Socket)).toBe(true);
  });

  test('item 27: open() in the head, before there is a body', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.server.url + world.put({
      head: `<script>var hadBody = !!document.body; ${opening(await world.api.createChannel(id))}</script>`,
    }));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    expect(await tab.evaluate(() => (window as any).hadBody)).toBe(false);
    expect(tabs.problems).toEqual([]);
  });

  test('item 31: send() does not throw and answers false, before, while and after the channel is open', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
      record("sent", "early", socket.send("x"));
      socket.onopen = function () { record("sent", "open", socket.send("x")); record("sent", "none", socket.send()); socket.close(); };
      socket.onclose = function () { record("sent", "closed", socket.send("x")); };`));
    await untilNoted(tab, 'closed', 'sent');
    expect(await calls(tab, 'sent')).toEqual([['early', false], ['open', false], ['none', false], ['closed', false]]);
    expect(tabs.problems).toEqual([]);
  });

  test('item 34: a page on http, and one on https', async ({ world, tabs, id }) => {
    const tls = await new TlsRelay(() => world.server.url).start();
    const plain = world.classic(await world.api.createChannel(id));
    const secure = world.classic(await world.api.createChannel(id)).replace(world.server.url, tls.url);
    const both = [await tabs.open(plain), await tabs.open(secure)];
    for (const tab of both) await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    for (const tab of both) await untilMessage(tab, 'hello');
    expect(await Promise.all(both.map((tab) => tab.evaluate(() => location.protocol)))).toEqual(['http:', 'https:']);
    // By the first choice, not by a way around it that happened to work.
    expect((await world.api.sockets(id)).map(({ transport }) => transport)).toEqual(['websocket', 'websocket']);
    expect(tabs.problems).toEqual([]);
    tls.stop();
  });

  test('item 34: a sandboxed iframe, which has neither an origin nor a storage', async ({ world, tabs, id }) => {
    const inner = world.put({ script: `
      function tell(kind) { return function (event) { parent.postMessage({ name: "a", kind: kind, argument: event }, "*"); }; }
      var stored = "yes"; try { sessionStorage.length; } catch (e) { stored = "no"; }
      tell("stored")(stored);
      new goog.appengine.Channel("${await world.api.createChannel(id)}").open({
        onopen: tell("onopen"), onmessage: tell("onmessage"), onerror: tell("onerror"), onclose: tell("onclose") });` });
    const tab = await tabs.open(world.server.url + world.put({
      library: '<script>window.onmessage = function (event) { records.push(event.data); };</script>',
      body: `<iframe sandbox="allow-scripts" src="${inner}" width="600" height="300"></iframe>`,
    }));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    expect(await calls(tab)).toEqual([['stored', 'no'], ['onopen', {}], ['onmessage', { data: 'hello' }]]);
    expect(tabs.problems).toEqual([]);
  });

  test('item 34: a strict policy that allows the own host and nothing else', async ({ world, tabs, id }) => {
    const token = await world.api.createChannel(id);
    world.app.answer('/opening.js', () => opening(token));
    const tab = await tabs.open(world.server.url + world.put({
      headers: { 'Content-Security-Policy': "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'unsafe-inline'" },
      body: '<script src="/opening.js"></script>',
    }));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    expect((await world.api.sockets(id)).map(({ transport }) => transport)).toEqual(['websocket']);
    expect(tabs.problems).toEqual([]);
  });

  test('a page of another host loads the script from here, and connects to here', async ({ world, tabs, id }) => {
    const path = world.put({
      library: `<script src="${world.server.url}/channel.js"></script>`,
      script: opening(await world.api.createChannel(id)),
    });
    expect(world.app.url).not.toBe(world.server.url);
    const tab = await tabs.open(world.app.url + path);
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'hello');
    await untilMessage(tab, 'hello');
    expect(tabs.problems).toEqual([]);
  });
});
