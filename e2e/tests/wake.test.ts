/** Networks go away and come back, pages are frozen and thaw: what was sent meanwhile arrives, once. */
import { expect } from 'vitest';
import { chromium } from 'playwright-core';
import { Pages, kinds, received, untilMessage, untilNoted } from '../support/pages.ts';
import { WHOLE_CHROMIUM } from '../support/places.ts';
import { FLAGS, test } from '../support/test.ts';

for (const transport of ['websocket', 'sse', 'longpoll']) {
  test(`offline and online again, by ${transport}`, async ({ world, pages, id }) => {
    const context = await pages.context();
    const token = JSON.stringify(await world.api.createChannel(id));
    const page = await pages.open(world.server.url + world.put({ library: '', script: `
      import("/downlink.mjs").then(function (module) {
        var made = handlers("a");
        made.transports = ["${transport}"];
        made.onstatus = function (state) { record("status", state); };
        new module.Channel(${token}, made).open(); });` }), context);
    await untilNoted(page, 'onopen');
    await world.api.send(id, '1');
    await untilMessage(page, '1');
    for (let round = 0; round < 2; round++) {
      await context.setOffline(true);
      expect(await page.evaluate(() => navigator.onLine)).toBe(false);
      await world.api.sendMany(id, [`${round}a`, `${round}b`]);
      await context.setOffline(false);
      await world.api.send(id, `${round}c`);
      await untilMessage(page, `${round}c`);
      // Without waiting for the silence to become too long, or for a pause to end.
      await untilNoted(page, 'open', 'status', round + 2);
    }
    await world.api.send(id, 'last');
    await untilMessage(page, 'last');
    expect(await received(page)).toEqual(['1', '0a', '0b', '0c', '1a', '1b', '1c', 'last']);
    expect((await kinds(page, 'a')).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
  });
}

test('a page that is frozen and thaws', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  await world.api.send(id, '1');
  await untilMessage(page, '1');
  const session = await page.context().newCDPSession(page);
  for (let round = 0; round < 2; round++) {
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await world.api.sendMany(id, [`${round}a`, `${round}b`, `${round}c`]);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await untilMessage(page, `${round}c`);
  }
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect(await received(page)).toEqual(['1', '0a', '0b', '0c', '1a', '1b', '1c', 'last']);
  expect((await kinds(page)).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
});

for (const cache of [true, false]) {
  test(`away to another page and back, ${cache ? 'kept' : 'not kept'} in the back-forward cache`, async ({ world, browser, pages, id, task }) => {
    // Playwright turns that cache off unless it is told not to; the shell has none.
    const other = cache ? await chromium.launch({ executablePath: WHOLE_CHROMIUM, args: FLAGS, ignoreDefaultArgs: ['--disable-back-forward-cache'] }) : browser;
    const tabs = cache ? new Pages(other, `wake ${task.name}`) : pages;
    const script = `window.life = Math.random(); attach(new goog.appengine.Channel(
      ${JSON.stringify(await world.api.createChannel(id))}).open(), "a");`;
    const address = world.server.url + world.put({ script, headers: { 'Cache-Control': 'no-cache' } });
    const page = await tabs.open(address);
    await untilNoted(page, 'onopen');
    await world.api.send(id, '1');
    await untilMessage(page, '1');
    const life = await page.evaluate(() => (window as any).life);
    await page.goto(world.server.url + world.put({ library: '' }));
    await world.api.sendMany(id, ['2', '3']);
    await page.goBack({ waitUntil: 'commit' });
    await untilMessage(page, '3');
    await world.api.send(id, 'last');
    await untilMessage(page, 'last');
    expect(await page.evaluate(() => (window as any).life) === life, 'the same life of the page').toBe(cache);
    expect(await received(page)).toEqual(cache ? ['1', '2', '3', 'last'] : ['2', '3', 'last']);
    expect((await kinds(page)).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
    if (cache) {
      await tabs.close();
      await other.close();
    }
  });
}
