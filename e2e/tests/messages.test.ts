/** Text and bytes arrive as they were sent, on every transport; `acceptance/delivery` has the rest. */
import { expect } from 'vitest';
import { received, untilMessage, untilNoted } from '../support/pages.ts';
import { test } from '../support/test.ts';

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
