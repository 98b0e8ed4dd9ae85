/** Pages with a development client of their own, which asks `/_ah/channel/dev` twice a second and knows nothing else. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'vitest';
import { inBothAtOnce } from '../../support/acceptance.ts';
import { calls, closes, kinds, notesItsGoing, received, untilMessage, untilNoted, wentAt } from '../../support/notes.ts';
import { E2E } from '../../support/places.ts';
import type { World } from '../../support/test.ts';
import { signToken } from '../../support/token.ts';
import { until } from '../../support/until.ts';

const CLIENT = readFileSync(resolve(E2E, 'support/development.js'), 'utf8');

/** As `presence.test.ts` has it: within the grace that a page without a word gets. */
const AT_ONCE_MS = 4_000;

/** A page with such a client; returns its address. */
function page(world: World, token: string, more = ''): string {
  world.app.answer('/development.js', () => CLIENT);
  return world.server.url + world.put({
    library: '<script src="/development.js"></script>',
    script: `var socket = developmentSocket("${token}", handlers("a")); ${more}`,
  });
}

inBothAtOnce((test) => {
  test('item 42, item 43, item 25: it connects, and gets one raw message a poll, in order, each once', async ({ world, tabs, id }) => {
    const token = await world.api.createChannel(id);
    const texts = ['sent before it opens', '{"a": [1, "two"]}', 'one\ntwo\r\n', 'astral 🌍, é', '   ', '<b>&amp;'];
    await world.api.send(id, texts[0] as string);
    const tab = await tabs.open(page(world, token));
    await untilNoted(tab, 'onopen');
    for (const text of texts.slice(1)) await world.api.send(id, text);
    await untilMessage(tab, '<b>&amp;');
    expect(await received(tab)).toEqual(texts);
    expect(await tab.evaluate(() => (window as any).socket.state)).toBe(1);
    expect(tabs.problems).toEqual([]);
  });

  test('item 44, item 19: a garbage token, as the page sees it', async ({ world, tabs }) => {
    const tab = await tabs.open(page(world, 'garbage'));
    await untilNoted(tab, 'onclose');
    expect((await calls(tab))[0]).toEqual(['onerror', { code: 401, description: 'Invalid+token.' }]);
    expect(await kinds(tab)).toEqual(['onerror', 'onclose']);
  });

  test('item 44, item 18: a token that ends while it polls, as the page sees it', async ({ world, tabs, id }) => {
    // The browser first: it may take as long to start as the token lives. And it may be slow to open the page.
    const tab = await tabs.open('about:blank');
    await tab.goto(page(world, signToken(id, 20)));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'in time');
    await untilNoted(tab, 'onclose');
    expect(await calls(tab)).toMatchObject([
      ['onopen', undefined],
      ['onmessage', { data: 'in time' }],
      ['onerror', { code: 401, description: 'Token+timed+out.' }],
      ['onclose', undefined],
    ]);
    expect(world.app.notices.changes(id)[0]).toBe(true);
    await world.app.notices.until(id, 2);
  });

  test('item 46, item 48, item 28: it is there for as long as it polls, and gone when it says so', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const tab = await tabs.open(page(world, await world.api.createChannel(id)));
    await notices.until(id, 1);
    const came_ms = Date.now();
    await until('it has polled for longer than any silence may last', () => Date.now() - came_ms > 9_000);
    expect(notices.changes(id)).toEqual([true]);
    const left_ms = await closes(tab);
    expect((await notices.until(id, 2)).at_ms - left_ms).toBeLessThan(AT_ONCE_MS);
    await untilNoted(tab, 'onclose');
    expect(await kinds(tab)).toEqual(['onopen', 'onclose']);
    expect(tabs.problems).toEqual([]);
  });

  test('item 46: a page that goes says so while it goes, where its browser lets it', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const tab = await tabs.open(page(world, await world.api.createChannel(id), notesItsGoing('pagehide', id)));
    await untilNoted(tab, 'onopen');
    await notices.until(id, 1);
    await tab.goto(world.server.url + world.put({ library: '' }));
    const gone = await notices.until(id, 2);
    expect(notices.changes(id)).toEqual([true, false]);
    const left_ms = await wentAt(tab, id);
    // Chromium has refused such requests since 2020; there the silence tells.
    if (tabs.engine.name === 'firefox') expect(gone.at_ms - left_ms).toBeLessThan(AT_ONCE_MS);
  });

  test('item 46: a page that says its farewell by fetch with keepalive', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const token = await world.api.createChannel(id);
    const tab = await tabs.open(page(world, token, `
      ${notesItsGoing('pagehide', id)}
      window.addEventListener("pagehide", function () {
        fetch("/_ah/channel/dev?command=disconnect&channel=${token}", { keepalive: true });
      });`));
    await untilNoted(tab, 'onopen');
    await notices.until(id, 1);
    await tab.goto(world.server.url + world.put({ library: '' }));
    const left_ms = await wentAt(tab, id);
    expect((await notices.until(id, 2)).at_ms - left_ms).toBeLessThan(AT_ONCE_MS);
  });

  test('item 48: a tab that is closed is told after its silence; one that comes back goes on where it was', async ({ world, tabs, id }) => {
    const { notices } = world.app;
    const token = await world.api.createChannel(id);
    const profile = await tabs.profile();
    const first = await tabs.open(page(world, token), profile);
    await world.api.send(id, '1');
    await untilMessage(first, '1');
    await first.close();
    await notices.until(id, 2);
    expect(notices.changes(id)).toEqual([true, false]);
    await world.api.send(id, '2');
    const second = await tabs.open(page(world, token), profile);
    await untilMessage(second, '2');
    await world.api.send(id, '3');
    await untilMessage(second, '3');
    // The position is kept with the token: `connect` does not go back.
    expect(await received(second)).toEqual(['2', '3']);
    await notices.until(id, 3);
    expect(notices.changes(id)).toEqual([true, false, true]);
  });

  test('item 38: what the application sends inside the notice is in one of the next polls', async ({ world, tabs, id }) => {
    world.app.notices.react(id, ({ connected }) => world.api.send(id, connected ? 'welcome' : 'farewell'));
    const tab = await tabs.open(page(world, await world.api.createChannel(id)));
    await untilMessage(tab, 'welcome');
    expect(await kinds(tab)).toEqual(['onopen', 'onmessage']);
  });
});
