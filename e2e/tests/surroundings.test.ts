/** Pages that make it hard for a script: in the head, late, in a sandbox, under a strict policy, elsewhere. */
import { expect } from 'vitest';
import { received, untilMessage, untilNoted } from '../support/pages.ts';
import { test } from '../support/test.ts';

const opening = (token: string) => `attach(new goog.appengine.Channel(${JSON.stringify(token)}).open(), "a");`;

test('open() in the head, before there is a body', async ({ world, pages, id }) => {
  const head = `<script>record("page", "body", !!document.body); ${opening(await world.api.createChannel(id))}</script>`;
  const page = await pages.open(world.server.url + world.put({ head }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  expect(pages.problems).toEqual([]);
});

test('the script loaded late, by an async script element', async ({ world, pages, id }) => {
  const page = await pages.open(world.server.url + world.put({
    library: '',
    script: `addEventListener("load", function () {
      var element = document.createElement("script");
      element.src = "/_ah/channel/jsapi"; element.async = true;
      element.onload = function () { ${opening(await world.api.createChannel(id))} };
      document.body.append(element);
    });`,
  }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  expect(pages.problems).toEqual([]);
});

test('a policy that allows the own host and nothing else', async ({ world, pages, id }) => {
  world.app.answer('/opening.js', async () => opening(await world.api.createChannel(id)));
  const page = await pages.open(world.server.url + world.put({
    headers: { 'Content-Security-Policy': "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'" },
    body: '<script src="/opening.js"></script>',
  }));
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  expect(pages.problems).toEqual([]);
});

test('a sandboxed frame, which has neither origin nor storage', async ({ world, pages, id }) => {
  const inner = world.put({ script: `${opening(await world.api.createChannel(id))}
` });
  const page = await pages.open(world.server.url + world.put({
    library: '',
    body: `<iframe sandbox="allow-scripts" src="${inner}" width="600" height="300"></iframe>`,
  }));
  const frame = page.frames()[1];
  expect(frame).toBeDefined();
  await world.api.send(id, 'hello');
  await frame?.waitForFunction(() => (window as any).records.some((note: any) => note.argument?.data === 'hello'));
  expect(pages.problems).toEqual([]);
});

test('a page of another origin loads the script from here and connects to here', async ({ world, pages, id }) => {
  const path = world.put({
    library: `<script src="${world.server.url}/channel.js"></script>`,
    script: opening(await world.api.createChannel(id)),
  });
  expect(world.app.url).not.toBe(world.server.url);
  const page = await pages.open(world.app.url + path);
  await untilNoted(page, 'onopen');
  await world.api.send(id, 'hello');
  await untilMessage(page, 'hello');
  expect(await received(page)).toEqual(['hello']);
  expect(pages.problems).toEqual([]);
});

test('the script comes as JavaScript and is not kept for long', async ({ world }) => {
  for (const path of ['/_ah/channel/jsapi', '/channel.js', '/downlink.mjs']) {
    const answer = await fetch(world.server.url + path);
    await answer.body?.cancel();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/javascript/);
    const seconds = Number(answer.headers.get('Cache-Control')?.match(/max-age=(\d+)/)?.[1] ?? 0);
    expect(seconds).toBeLessThanOrEqual(3600);
  }
});
