/** Who comes and who goes, as the application is told: by every kind of leaving, on every transport. */
import { expect } from 'vitest';
import { inBothAtOnce } from '../../support/acceptance.ts';
import { start as startBrowser } from '../../support/engines.ts';
import { closes, kinds, notesItsGoing, received, untilMessage, untilNoted, wentAt } from '../../support/notes.ts';
import { type Faults, Relay } from '../../support/relay.ts';
import { signToken } from '../../support/token.ts';
import { until } from '../../support/until.ts';

/** How long the server waits for a page that is gone without a word. */
const GRACE_MS = 5_000;

/** A farewell is heard well within the grace; a machine with other work has the rest. */
const AT_ONCE_MS = 4_000;

/** How long a page that is there may still be taken for gone, if that were ever to be. */
const CALM_MS = GRACE_MS + 3_000;

/** What leaves the page each transport. */
const FAULTS: Record<string, Faults> = {
  websocket: {}, sse: { noUpgrade: true }, 'long-poll': { noUpgrade: true, holdStreams: true },
};

inBothAtOnce((test) => {
  for (const [transport, faults] of Object.entries(FAULTS)) {
    test(`item 28, item 50: close() by ${transport}: one notice, without a grace`, async ({ world, tabs, id }) => {
      const { notices } = world.app;
      const relay = await new Relay(() => world.server.url, faults).start();
      const tab = await tabs.open(world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url));
      await untilNoted(tab, 'onopen');
      await notices.until(id, 1);
      const names = (await world.api.sockets(id)).map(({ transport }) => transport.replace('_', '-'));
      expect(names).toEqual([transport]);
      const closed_ms = await closes(tab);
      const gone = await notices.until(id, 2);
      expect(gone.at_ms - closed_ms).toBeLessThan(AT_ONCE_MS);
      await until('no socket is left', async () => (await world.api.sockets(id)).length === 0);
      expect(notices.changes(id)).toEqual([true, false]);
      await untilNoted(tab, 'onclose');
      expect(await kinds(tab)).toEqual(['onopen', 'onclose']);
      relay.stop();
    });

    test(`item 52: a reload by ${transport} never ends in "disconnected"`, async ({ world, tabs, id }) => {
      const { notices } = world.app;
      const relay = await new Relay(() => world.server.url, faults).start();
      const tab = await tabs.open(world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url));
      await untilNoted(tab, 'onopen');
      await notices.until(id, 1);
      await tab.reload();
      await untilNoted(tab, 'onopen');
      const back_ms = Date.now();
      await until('the old page is forgotten', () => Date.now() - back_ms > CALM_MS);
      expect(notices.changes(id), 'within the grace a reload changes nothing').toEqual([true]);
      await world.api.send(id, 'still here');
      await untilMessage(tab, 'still here');
      relay.stop();
    });

    test(`item 50: a tab that is closed, by ${transport}: one notice after the grace`, async ({ world, tabs, id }) => {
      const { notices } = world.app;
      const relay = await new Relay(() => world.server.url, faults).start();
      const tab = await tabs.open(world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url));
      await untilNoted(tab, 'onopen');
      await notices.until(id, 1);
      await tab.close();
      await notices.until(id, 2);
      expect(notices.changes(id)).toEqual([true, false]);
      relay.stop();
    });
  }

  for (const event of ['beforeunload', 'pagehide', 'unload']) {
    test(`item 50: a page that calls close() in its ${event} is gone`, async ({ world, tabs, id }) => {
      const { notices } = world.app;
      const tab = await tabs.open(world.classic(await world.api.createChannel(id), `
        ${notesItsGoing(event, id)}
        window.addEventListener("${event}", function () { socket.close(); });`));
      await untilNoted(tab, 'onopen');
      await notices.until(id, 1);
      await tab.goto(world.server.url + world.put({ library: '' }));
      const left_ms = await wentAt(tab, id);
      const gone = await notices.until(id, 2);
      // Firefox has ended the connection by itself when it tells the page so; there the grace goes by.
      if (tabs.engine.name === 'chromium' || event === 'beforeunload') expect(gone.at_ms - left_ms).toBeLessThan(AT_ONCE_MS);
      expect(notices.changes(id)).toEqual([true, false]);
    });
  }

  test('item 38, item 49: what the application sends inside the notice reaches the client that has just come', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    notices.react(id, ({ connected }) => world.api.send(id, connected ? 'welcome' : 'farewell'));
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)));
    await untilMessage(tab, 'welcome');
    expect(await kinds(tab)).toEqual(['onopen', 'onmessage']);
    expect(notices.changes(id)).toEqual([true]);
    // Told from what anybody might post.
    const outside = await fetch(`${world.server.url}/_ah/channel/disconnected/`, { method: 'POST', body: new URLSearchParams({ from: id }) });
    expect(outside.status, 'item 54: not from outside').toBe(403);
    expect(notices.forged).toBe(0);
    expect(notices.changes(id)).toEqual([true]);
  });

  test('item 4, item 41, item 50: two pages of one strange client id: told of the first that comes and of the last that goes', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const strange = `${id}-@~:%&+ "é" ÄÖ 🌍`;
    const both = [await tabs.open(world.classic(await world.api.createChannel(strange))), await tabs.open(world.classic(await world.api.createChannel(strange)))];
    for (const tab of both) await untilNoted(tab, 'onopen');
    await notices.until(strange, 1);
    const leave = (tab: (typeof both)[number]) => tab.evaluate(() => (window as any).socket.close());
    await leave(both[0] as (typeof both)[number]);
    await world.api.send(strange, 'for the other');
    await untilMessage(both[1] as (typeof both)[number], 'for the other');
    expect(notices.changes(strange)).toEqual([true]);
    await leave(both[1] as (typeof both)[number]);
    await notices.until(strange, 2);
    expect(notices.changes(strange)).toEqual([true, false]);
    const [came, went] = notices.of(strange);
    expect(went?.generation).toBeGreaterThan(came?.generation as number);
  });

  test('item 29, item 52: ten new channels in a row, and one that stays: the last notice says that it is there', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const tokens = await Promise.all(Array.from({ length: 10 }, () => world.api.createChannel(id)));
    const tab = await tabs.open(world.server.url + world.put({ script: `
      var tokens = ${JSON.stringify(tokens)};
      (function next() {
        var token = tokens.shift();
        var socket = new goog.appengine.Channel(token).open(handlers("a"));
        if (tokens.length) {
          socket.onopen = function () { socket.close(); };
          socket.onclose = next;
        }
      })();` }));
    await untilNoted(tab, 'onopen');
    const open_ms = Date.now();
    await until('all changes were told', () => Date.now() - open_ms > CALM_MS);
    const changes = notices.changes(id);
    expect(changes.at(-1)).toBe(true);
    expect(changes, 'each other than the one before').toEqual(changes.map((_, at) => at % 2 === 0));
  });

  test('item 50: a token that ends', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    // The browser first: it may take as long to start as the token lives.
    const tab = await tabs.open('about:blank');
    await tab.goto(world.classic(signToken(id, 20)));
    await notices.until(id, 2);
    expect(notices.changes(id)).toEqual([true, false]);
    await untilNoted(tab, 'onclose');
    expect(await kinds(tab)).toEqual(['onopen', 'onerror', 'onclose']);
  });

  test('item 50: a browser that is killed', async ({ world, engine, id }) => {
    const { notices } = world.app;
    const browser = await startBrowser(engine.name);
    const tab = await (await browser.profile()).open();
    await tab.goto(world.classic(await world.api.createChannel(id)));
    await untilNoted(tab, 'onopen');
    await notices.until(id, 1);
    await browser.kill();
    await notices.until(id, 2);
    expect(notices.changes(id)).toEqual([true, false]);
  });

  test('item 50: a network that is dead without a word', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const relay = await new Relay(() => world.server.url).start();
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url));
    await untilNoted(tab, 'onopen');
    await notices.until(id, 1);
    relay.faults = { down: true };
    relay.hang();
    const cut_ms = Date.now();
    const gone = await notices.until(id, 2, 60_000);
    // The silence is noticed within 30 s; then comes the grace.
    expect(gone.at_ms - cut_ms).toBeLessThan(30_000 + GRACE_MS + 5_000);
    await world.api.send(id, 'meanwhile');
    relay.faults = {};
    await untilMessage(tab, 'meanwhile', 'a', 60_000);
    await notices.until(id, 3);
    expect(notices.changes(id)).toEqual([true, false, true]);
    expect(await received(tab)).toEqual(['meanwhile']);
    relay.stop();
  });
});
