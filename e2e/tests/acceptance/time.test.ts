/** What takes its time: tokens that end, networks that are dead without saying so, servers that do not come back. */
import { expect } from 'vitest';
import { inBothAtOnce } from '../../support/acceptance.ts';
import { callbacks, kinds, noted, received, untilMessage, untilNoted } from '../../support/notes.ts';
import { Relay } from '../../support/relay.ts';
import { signToken } from '../../support/token.ts';

/** The page's own clock goes six times as fast, so that it need not wait two minutes; its timers do not. */
const FAST_CLOCK = `<script>(function (now) {
  var began = now(); Date.now = function () { return began + 6 * (now() - began); };
})(Date.now);</script>`;

inBothAtOnce((test) => {
  test('item 18: a token of one minute: opened, then the error between 60 and 90 s later, then the end', async ({ world, tabs, id }) => {
    const made_s = Date.now() / 1000;
    const tab = await tabs.open(world.classic(await world.api.createChannel(id, 1)));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'in time');
    await untilNoted(tab, 'onclose', 'a', 1, 90_000);
    expect(await callbacks(tab)).toEqual([
      ['onopen', {}, 1],
      ['onmessage', { data: 'in time' }, 1],
      ['onerror', { code: 401, description: 'Token+timed+out.' }, 2],
      ['onclose', {}, 3],
    ]);
    // The minute begins when the token is made, and a token tells its times in whole seconds.
    const lived_s = ((await noted(tab)).find(({ kind }) => kind === 'onerror')?.at_ms as number) / 1000 - made_s;
    expect(lived_s).toBeGreaterThanOrEqual(59);
    expect(lived_s).toBeLessThan(90);
  });

  test('item 30: a token that ends while the channel is open: messages, the error, the end, and nothing after it', async ({ world, tabs, id }) => {
    // The browser first: it may take as long to start as the token lives.
    const tab = await tabs.open('about:blank');
    await tab.goto(world.classic(signToken(id, 20)));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, 'in time');
    await untilNoted(tab, 'onclose');
    await world.api.send(id, 'too late');
    // A new token and a new Channel, as the old documentation says.
    const token = await world.api.createChannel(id);
    await tab.evaluate((token) => {
      const { goog, attach } = window as any;
      attach(new goog.appengine.Channel(token).open(), 'b');
    }, token);
    await untilNoted(tab, 'onopen', 'b');
    await world.api.send(id, 'again');
    await untilMessage(tab, 'again', 'b');
    expect(await callbacks(tab)).toEqual([
      ['onopen', {}, 1],
      ['onmessage', { data: 'in time' }, 1],
      ['onerror', { code: 401, description: 'Token+timed+out.' }, 2],
      ['onclose', {}, 3],
    ]);
    expect(await received(tab, 'b')).toEqual(['again']);
  });

  test('item 33: a network that is dead without a word: the page notices and has everything', async ({ world, tabs, id }) => {
    const relay = await new Relay(() => world.server.url).start();
    const tab = await tabs.open(world.classic(await world.api.createChannel(id)).replace(world.server.url, relay.url));
    await untilNoted(tab, 'onopen');
    await world.api.send(id, '1');
    await untilMessage(tab, '1');
    relay.hang();
    await world.api.sendMany(id, ['2', '3']);
    await untilMessage(tab, '3', 'a', 60_000);
    await world.api.send(id, '4');
    await untilMessage(tab, '4');
    expect(await received(tab)).toEqual(['1', '2', '3', '4']);
    expect((await kinds(tab)).filter((kind) => kind !== 'onmessage')).toEqual(['onopen']);
    relay.stop();
  });

  test('item 33: a server that does not come back: in the end an error and the end', async ({ start, tabs, id }) => {
    const world = await start();
    const token = await world.api.createChannel(id);
    const script = `var socket = new goog.appengine.Channel("${token}").open(); attach(socket, "a");`;
    const tab = await tabs.open(world.server.url + world.put({ head: FAST_CLOCK, script }));
    await untilNoted(tab, 'onopen');
    await world.server.kill();
    await untilNoted(tab, 'onclose', 'a', 1, 90_000);
    expect(await callbacks(tab)).toEqual([
      ['onopen', {}, 1],
      ['onerror', { code: 0, description: 'No connection.' }, 2],
      ['onclose', {}, 3],
    ]);
  });
});
