/** Plain `EventSource`, which knows nothing of Downlink, in networks that break again and again. */
import { expect } from 'vitest';
import { inBothAtOnce } from '../../support/acceptance.ts';
import { Sender } from '../../support/sender.ts';
import { until } from '../../support/until.ts';
import { Breaking } from './breaking.ts';

/** Each comes back by itself after a second. */
const SOURCES = 8;
const LONG = process.env.DOWNLINK_TORTURE === 'long';
const CUTS = LONG ? 60 : 5;

/** Nothing but `new EventSource`, and a note of what it hands out. */
const PAGE = `
  window.sources = [];
  window.listen = function (address) {
    var heard = { ids: [], texts: [], gaps: 0, opened: 0 };
    var source = new EventSource(address);
    source.onmessage = function (event) { heard.ids.push(event.lastEventId); heard.texts.push(event.data); };
    source.addEventListener("ready", function () { heard.opened += 1; });
    source.addEventListener("gap", function () { heard.gaps += 1; });
    window.sources.push(heard);
  };`;

interface Heard {
  ids: string[];
  texts: string[];
  gaps: number;
  opened: number;
}

inBothAtOnce((test) => {
  test('a plain EventSource that is cut again and again loses nothing and gets nothing twice', async ({ world, tabs, id }) => {
    const token = encodeURIComponent(await world.api.createChannel(id));
    const port = Number(new URL(world.server.url).port);
    const ways = await Promise.all(Array.from({ length: SOURCES }, (_, n) => new Breaking(port).start(`127.0.0.${n + 2}`)));
    const tab = await tabs.open(world.server.url + world.put({ library: '', script: PAGE }));
    for (const { url } of ways) {
      await tab.evaluate((address) => (window as any).listen(address), `${url}/v1/socket?token=${token}`);
    }
    const sender = new Sender(world.api, id);
    const patience_ms = (CUTS + 10) * 6_000;
    await until('all are cut often', () => ways.every(({ cuts }) => cuts >= CUTS), patience_ms);
    for (const way of ways) way.calm = true;
    await sender.stop();
    await world.api.send(id, 'last');
    const heard = () => tab.evaluate(() => (window as any).sources as Heard[]);
    await until('all have the last message', async () => (await heard()).every(({ texts }) => texts.at(-1) === 'last'));
    expect(sender.unknown).toEqual([]);
    const sent = [...sender.answered.map(String), 'last'];
    for (const { ids, texts, gaps, opened } of await heard()) {
      expect(texts).toEqual(sent);
      expect(new Set(ids).size, 'each with a place of its own').toBe(ids.length);
      expect(gaps).toBe(0);
      expect(opened).toBeGreaterThan(CUTS);
    }
    for (const way of ways) way.stop();
  }, LONG ? 600_000 : 120_000);
});
