/** What was sent arrives: all of it, in order, once, soon, and with nobody else. */
import { expect } from 'vitest';
import { inEachBrowser } from '../../support/acceptance.ts';
import { calls, kinds, noted, received, untilMessage, untilNoted } from '../../support/notes.ts';
import { Relay } from '../../support/relay.ts';
import { Sender } from '../../support/sender.ts';
import { freshId } from '../../support/test.ts';
import { until } from '../../support/until.ts';

/** The old service was reported with 200 to 1,000 ms for one message. */
const OLD_LATENCY_MS = 200;

inEachBrowser((test) => {
  test('item 15: a token is safe in a script, in an attribute, and unescaped in an address', async ({ world, tabs, id }) => {
    const token = await world.api.createChannel(`${id} '"<>&\\%+é`);
    expect(token).toMatch(/^[A-Za-z0-9\-_.]+$/);
    const tab = await tabs.open(world.server.url + world.put({
      body: `<form><input type=hidden id=token value=${token}></form><a id=link href=?token=${token}>link</a>`,
      script: `var quoted = '${token}';
        record("page", "same", quoted === document.getElementById("token").value
          && document.getElementById("link").href.split("=")[1] === quoted && decodeURIComponent(quoted) === quoted);
        attach(new goog.appengine.Channel(quoted).open(), "a");`,
    }));
    await untilNoted(tab, 'onopen');
    expect(await calls(tab, 'page')).toEqual([['same', true]]);
  });

  test('item 17: a token that is opened again in the page, after a reload, and once more gives nothing twice', async ({ world, tabs, id }) => {
    const token = await world.api.createChannel(id);
    const tab = await tabs.open(world.classic(token));
    await world.api.sendMany(id, ['1', '2', '3']);
    await untilMessage(tab, '3');
    const reopen = (name: string) => tab.evaluate(([token, name]) => {
      const { goog, attach, socket } = window as any;
      socket.onclose = () => {
        (window as any).socket = attach(new goog.appengine.Channel(token).open(), name);
      };
      socket.close();
    }, [token, name] as const);
    await reopen('b');
    await untilNoted(tab, 'onopen', 'b');
    await world.api.send(id, '4');
    await untilMessage(tab, '4', 'b');
    expect(await received(tab)).toEqual(['1', '2', '3', '4']);

    await tab.reload();
    await untilNoted(tab, 'onopen');
    await world.api.send(id, '5');
    await untilMessage(tab, '5');
    // Sent while the tab is elsewhere; the application puts the token that it has kept into another page.
    await tab.goto('about:blank');
    await world.api.sendMany(id, ['6', '7']);
    await tab.goto(world.classic(token));
    await untilMessage(tab, '7');
    await reopen('c');
    await world.api.send(id, '8');
    await untilMessage(tab, '8', 'c');
    expect(await received(tab)).toEqual(['6', '7', '8']);
    expect(tabs.problems).toEqual([]);
  });

  test('item 17: reloads while messages are sent without a pause: every message in one life of the page or another, once', async ({ world, tabs, id }) => {
    // What the page had is written down where the next life of it finds it.
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
      socket.onmessage = function (event) {
        sessionStorage.had = (sessionStorage.had || "") + " " + event.data;
        record("a", "onmessage", event);
      };`));
    const sender = new Sender(world.api, id, 20);
    for (let round = 0; round < 3; round++) {
      await sender.more(15);
      await tab.reload();
      await untilNoted(tab, 'onopen');
    }
    await sender.more(5);
    await sender.stop();
    await world.api.send(id, 'last');
    await untilMessage(tab, 'last');
    const had = await tab.evaluate(() => sessionStorage.had as string);
    expect(had.trim().split(' ')).toEqual([...sender.answered.map(String), 'last']);
  });

  test('item 33: the server is killed and comes back, twice: nothing is lost, nothing comes twice', async ({ start, tabs, id }) => {
    const world = await start();
    const { api, server } = world;
    const tab = await tabs.open(world.classic(await api.createChannel(id)));
    await untilNoted(tab, 'onopen');
    const sender = new Sender(api, id);
    for (let round = 0; round < 2; round++) {
      await sender.more(30);
      await server.kill();
      await server.start();
    }
    await sender.more(30);
    await sender.stop();
    await api.send(id, 'last');
    await untilMessage(tab, 'last');
    const got = (await received(tab)).slice(0, -1).map(Number);
    const answered = new Set(sender.answered);
    expect(got.filter((number) => answered.has(number))).toEqual(sender.answered);
    // A send that got no answer may have been stored.
    expect(got).toEqual([...new Set(got)].sort((one, other) => one - other));
    expect((await kinds(tab)).filter((kind) => kind !== 'onmessage'), 'in silence').toEqual(['onopen']);
  });

  test('item 33: the network is cut again and again, in the middle of messages', async ({ world, tabs, id }) => {
    const relay = await new Relay(() => world.server.url).start();
    const address = world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url);
    const tab = await tabs.open(address);
    await untilNoted(tab, 'onopen');
    const sender = new Sender(world.api, id, 10);
    for (let round = 0; round < 3; round++) {
      await sender.more(15);
      relay.faults = { down: true };
      relay.cut();
      await sender.more(15);
      relay.faults = {};
      await until('it is back', async () => (await world.api.sockets(id)).length > 0);
    }
    await sender.stop();
    await world.api.send(id, 'last');
    await untilMessage(tab, 'last');
    expect(await received(tab)).toEqual([...sender.answered.map(String), 'last']);
    expect((await kinds(tab)).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
    relay.stop();
  });

  test('item 35: 1,000 messages arrive in order, each once', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)));
    await untilNoted(tab, 'onopen');
    const sent = Array.from({ length: 1000 }, (_, number) => `${number}`);
    for (let at = 0; at < 700; at += 100) await world.api.sendMany(id, sent.slice(at, at + 100));
    for (const text of sent.slice(700)) await world.api.send(id, text);
    await world.api.send(id, 'last');
    await untilMessage(tab, 'last');
    expect(await received(tab)).toEqual([...sent, 'last']);
  });

  test('item 36: 8 long messages, 4 of them between the token and open(); none from before the token', async ({ world, tabs, id }) => {
    const long = (number: number) => `${number} `.repeat(300);
    await world.api.send(id, 'before the token');
    const address = world.classic(await world.api.createChannel(id));
    for (let number = 0; number < 4; number++) await world.api.send(id, long(number));
    const tab = await tabs.open(address);
    await untilNoted(tab, 'onopen');
    for (let number = 4; number < 8; number++) await world.api.send(id, long(number));
    await untilMessage(tab, long(7));
    expect(await received(tab)).toEqual(Array.from({ length: 8 }, (_, number) => long(number)));
  });

  test('item 37, item 41: two pages on one client id get the same, each time; a page of another gets nothing of it', async ({ world, tabs, id }) => {
    const other = freshId();
    const stranger = await tabs.open(world.classic(await world.api.createChannel(other)));
    for (let round = 0; round < 2; round++) {
      const both = [await tabs.open(world.classic(await world.api.createChannel(id))), await tabs.open(world.classic(await world.api.createChannel(id)))];
      for (const tab of both) await untilNoted(tab, 'onopen');
      const texts = ['1', '2', '3'].map((number) => `round ${round}, ${number}`);
      for (const text of texts) await world.api.send(id, text);
      for (const tab of both) {
        await untilMessage(tab, texts[2] as string);
        expect(await calls(tab)).toEqual([['onopen', {}], ...texts.map((data) => ['onmessage', { data }])]);
      }
      // One leaves; the other one goes on.
      await both[0]?.close();
      await world.api.send(id, 'for one');
      await untilMessage(both[1] as (typeof both)[0], 'for one');
      await both[1]?.close();
    }
    await world.api.send(other, 'own');
    await untilMessage(stranger, 'own');
    expect(await received(stranger)).toEqual(['own']);
    expect(tabs.problems).toEqual([]);
  });

  test('item 39: a message that the application sends when onopen asks it to', async ({ world, tabs, id }) => {
    world.app.answer('/opened', async (_, body) => {
      await world.api.send(new URLSearchParams(body).get('id') as string, 'the application heard it');
      return 'ok';
    });
    const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
      socket.onopen = function () {
        record("a", "onopen");
        var request = new XMLHttpRequest();
        request.open("POST", "/opened", true);
        request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
        request.send("id=" + encodeURIComponent(${JSON.stringify(id)}));
      };`));
    await untilMessage(tab, 'the application heard it');
    expect(await kinds(tab)).toEqual(['onopen', 'onmessage']);
  });

  test('item 40: one message, and a burst of 20, are there long before the old service would have had one', async ({ world, tabs, id }) => {
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)));
    await untilNoted(tab, 'onopen');
    let count = 0;
    const took = async (burst: number) => {
      const sentAt = performance.timeOrigin + performance.now();
      await Promise.all(Array.from({ length: burst }, () => world.api.send(id, `${count++}`)));
      await untilNoted(tab, 'onmessage', 'a', count);
      return Math.max(...(await noted(tab, 'a')).map(({ at_ms }) => at_ms)) - sentAt;
    };
    const [single, bursts]: [number[], number[]] = [[], []];
    for (let round = 0; round < 10; round++) {
      single.push(await took(1));
      bursts.push(await took(20));
    }
    expect(new Set(await received(tab)).size).toBe(210);
    // What else the machine does only adds: the best tells.
    expect(Math.min(...single)).toBeLessThan(OLD_LATENCY_MS);
    expect(Math.min(...bursts)).toBeLessThan(OLD_LATENCY_MS);
  });
});
