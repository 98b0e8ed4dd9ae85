/** What arrives in a page of the classic script: everything that was sent, as it was, in order, once. */
import { expect } from 'vitest';
import { noted, received, untilMessage, untilNoted } from '../support/pages.ts';
import { freshId, test } from '../support/test.ts';

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** Texts that some layer between here and there might change. */
const TEXTS = [
  JSON.stringify({ a: [1, 'two', null], 'b"': '\\' }),
  '"quotes" \'and\' `ticks` \\ \\n </script> <b>&amp;',
  'one\ntwo\n\nfour\n',
  '\nbegins with a line feed',
  'carriage\rreturn\r\nand both\r',
  'astral 🌍 𝒳 👩‍👩‍👧, combined e\u0301, right to left \u200fאב',
  '   ',
  ' begins and ends with spaces ',
  'data: not a field\nid: 7\nevent: x\n: not a comment',
  'control \u0001\u0008\u000b\u001f\u007f\u0085\u2028\u2029',
  '\ufeffbegins with a byte order mark',
  '0',
  'é'.repeat(16 * 1024),
  'x'.repeat(32 * 1024),
];

for (const transport of ['websocket', 'sse', 'longpoll']) {
  test(`texts and bytes arrive unchanged by ${transport}`, async ({ world, pages, id }) => {
    const token = JSON.stringify(await world.api.createChannel(id));
    // The module can be told which transport to take; the classic script then has the same code beneath.
    const script = `import("/downlink.mjs").then(function (module) {
      var made = handlers("a"); made.transports = ["${transport}"];
      new module.Channel(${token}, made).open(); });`;
    const page = await pages.open(world.server.url + world.put({ script }));
    await untilNoted(page, 'onopen');
    for (const text of TEXTS) await world.api.send(id, text);
    await world.api.send(id, EVERY_BYTE);
    await world.api.send(id, Uint8Array.of(0));
    await world.api.send(id, 'last');
    await untilMessage(page, 'last');
    expect(await received(page)).toEqual([...TEXTS, { bytes: [...EVERY_BYTE] }, { bytes: [0] }, 'last']);
    expect(pages.problems).toEqual([]);
  });
}

test('the classic script hands text over as a string and binary as an ArrayBuffer', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  for (const text of TEXTS) await world.api.send(id, text);
  await world.api.send(id, EVERY_BYTE);
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect(await received(page)).toEqual([...TEXTS, { bytes: [...EVERY_BYTE] }, 'last']);
});

test('1,000 messages arrive in order, each once', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  const sent = Array.from({ length: 1000 }, (_, number) => `${number}`);
  for (let at = 0; at < 600; at += 100) await world.api.sendMany(id, sent.slice(at, at + 100));
  for (const text of sent.slice(600)) await world.api.send(id, text);
  await world.api.send(id, 'last');
  await untilMessage(page, 'last');
  expect(await received(page)).toEqual([...sent, 'last']);
});

test('what is sent between the token and open() arrives', async ({ world, pages, id }) => {
  const long = (number: number) => `${number} `.repeat(300);
  await world.api.send(id, 'before the token');
  const address = world.classic(await world.api.createChannel(id));
  for (let number = 0; number < 4; number++) await world.api.send(id, long(number));
  const page = await pages.open(address);
  await untilNoted(page, 'onopen');
  for (let number = 4; number < 8; number++) await world.api.send(id, long(number));
  await untilMessage(page, long(7));
  expect(await received(page)).toEqual(Array.from({ length: 8 }, (_, number) => long(number)));
});

test('a reload with the same token in the page gives nothing twice', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  await world.api.sendMany(id, ['1', '2', '3']);
  await untilMessage(page, '3');
  await page.reload();
  await untilNoted(page, 'onopen');
  await world.api.send(id, '4');
  await untilMessage(page, '4');
  expect(await received(page)).toEqual(['4']);
  // Sent while the page is on another site.
  await page.goto('about:blank');
  await world.api.sendMany(id, ['5', '6']);
  await page.goBack();
  await untilMessage(page, '6');
  expect((await received(page)).filter((data) => Number(data) > 4)).toEqual(['5', '6']);
});

test('two channels on one page, and two pages on one channel, get their own', async ({ world, pages, id }) => {
  const other = freshId();
  const [one, two] = [await world.api.createChannel(id), await world.api.createChannel(other)];
  const script = `attach(new goog.appengine.Channel(${JSON.stringify(one)}).open(), "one");
    attach(new goog.appengine.Channel(${JSON.stringify(two)}).open(), "two");`;
  const address = world.server.url + world.put({ script });
  const both = [await pages.open(address), await pages.open(address)];
  for (const page of both) for (const name of ['one', 'two']) await untilNoted(page, 'onopen', name);
  for (const number of ['1', '2', '3']) {
    await world.api.send(id, `one ${number}`);
    await world.api.send(other, `two ${number}`);
  }
  for (const page of both) {
    await untilMessage(page, 'one 3', 'one');
    await untilMessage(page, 'two 3', 'two');
    expect(await received(page, 'one')).toEqual(['one 1', 'one 2', 'one 3']);
    expect(await received(page, 'two')).toEqual(['two 1', 'two 2', 'two 3']);
  }
});

test('a request made in onopen is answered over the channel', async ({ world, pages, id }) => {
  world.app.answer('/opened', async () => {
    await world.api.send(id, 'the application heard it');
    return 'ok';
  });
  const page = await pages.open(world.classic(await world.api.createChannel(id), `
    socket.onopen = function () { record("a", "onopen"); fetch("/opened"); };`));
  await untilMessage(page, 'the application heard it');
  expect(await received(page)).toHaveLength(1);
});

test('a burst of 20 is in the page long before an old channel would have had one', async ({ world, pages, id }) => {
  const page = await pages.open(world.classic(await world.api.createChannel(id)));
  await untilNoted(page, 'onopen');
  const took: number[] = [];
  for (let burst = 0; burst < 8; burst++) {
    const sentAt = performance.timeOrigin + performance.now();
    await Promise.all(Array.from({ length: 20 }, (_, number) => world.api.send(id, `${burst}.${number}`)));
    await untilNoted(page, 'onmessage', 'a', 20 * (burst + 1));
    took.push(Math.max(...(await noted(page, 'a')).map(({ at_ms }) => at_ms)) - sentAt);
  }
  expect(new Set(await received(page)).size).toBe(160);
  // The old service was reported with up to a second for one. What else the machine does only adds: the best tells.
  expect(Math.min(...took)).toBeLessThan(1000);
});
