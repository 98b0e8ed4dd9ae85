/** The start page: its own channel, and commands that do what they say. */
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { PHONE, SMALL_PHONE, expectNoSidewaysScrolling, live, untilText } from '../support/demo.ts';
import type { Pages } from '../support/pages.ts';
import { PROGRAM } from '../support/places.ts';
import { Running } from '../support/process.ts';
import type { Server } from '../support/server.ts';
import { test } from '../support/test.ts';
import { until } from '../support/until.ts';

/** Runs what the page shows, as somebody would who pastes it into a terminal. */
async function paste(command: string): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await promisify(execFile)('bash', ['-ec', command], {
    env: { PATH: `${dirname(PROGRAM)}:${PATH}`, HOME }, timeout: 30_000,
  });
  return stdout;
}

/** What the button beside a command puts into the clipboard. */
async function copied(page: Page, command: string): Promise<string> {
  await page.click(`button[data-copy="${command}"]`);
  await page.locator(`button[data-copy="${command}"].done`).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** The page, allowed to use the clipboard. */
async function openWithClipboard(pages: Pages, server: Server): Promise<Page> {
  const context = await pages.context({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await pages.open(`${server.url}/`, context);
  await live(page);
  return page;
}

test('its own channel goes live, and what an application sends is shown', async ({ demo, pages }) => {
  const page = await pages.open(`${demo.url}/`);
  await live(page);
  const me = (await page.locator('.me').first().textContent()) as string;
  expect(me).toMatch(/^start-[0-9a-z]{6}$/);
  await demo.api.send(me, 'hello <b>from</b> the application 🌍');
  await untilText(page, '.arrival p', 'hello <b>from</b> the application 🌍');
  await demo.api.send(me, Uint8Array.of(1, 2, 3));
  await untilText(page, '.arrival p', '3 bytes of binary data');
  expect(await page.locator('.arrival').count()).toBe(2);
  expect(pages.problems).toEqual([]);
});

test('the button sends from the page', async ({ demo, pages }) => {
  const page = await pages.open(`${demo.url}/`);
  await live(page);
  await page.fill('#send-text', 'from the very page');
  await page.getByRole('button', { name: 'Send it from here' }).click();
  await untilText(page, '.arrival p', 'from the very page');
  expect(pages.problems).toEqual([]);
});

test('the curl commands that it shows work when pasted', async ({ demo, pages }) => {
  const page = await openWithClipboard(pages, demo);
  for (const step of ['create', 'listen']) await page.click(`button[data-step="${step}"][data-form="curl"]`);
  const created = JSON.parse(await paste(await copied(page, 'create')));
  expect(created).toMatchObject({ client_id: 'ada', token: expect.any(String) });
  const sent = JSON.parse(await paste(await copied(page, 'send')));
  expect(sent).toMatchObject({ id: expect.any(String), sockets: 1 });
  await untilText(page, '.arrival p', 'hello');
  await demo.api.send('ada', 'for the listener');
  const listen = (await copied(page, 'listen')).replace('TOKEN"', `${created.token}"`);
  // It listens until it is stopped, so it must be the very process that is stopped.
  const listener = new Running('bash', ['-ec', listen.replace(/^curl/m, 'exec curl')]);
  await listener.prints(/"data":"for the listener"/);
  await listener.end('SIGTERM');
  expect(pages.problems).toEqual([]);
});

test('the downlink commands that it shows work when pasted', async ({ demo, pages }) => {
  const page = await openWithClipboard(pages, demo);
  const create = await copied(page, 'create');
  expect(await paste(create)).toMatch(/[\w-]+\.[\w-]+\.[\w-]+/);
  await page.click('button[data-step="send"][data-form="cli"]');
  const environment = create.split('\n').filter((line) => line.startsWith('export'));
  await paste([...environment, await copied(page, 'send')].join('\n'));
  await untilText(page, '.arrival p', 'hello');
  const listener = new Running('bash', ['-ec', [...environment, `exec ${await copied(page, 'listen')}`].join('\n')], {
    PATH: `${dirname(PROGRAM)}:${process.env.PATH}`,
  });
  await until('the client has opened the channel', async () => (await demo.api.sockets('ada')).length > 0);
  await demo.api.send('ada', 'for the open channel');
  await listener.prints(/for the open channel/);
  await listener.end('SIGTERM');
  expect(pages.problems).toEqual([]);
});

test('every page by its links, without an error', async ({ demo, pages }) => {
  const page = await pages.open(`${demo.url}/`);
  await live(page);
  await pages.picture(page, 'start');
  await page.click('a.demo[href="/demo/chat"]');
  await page.locator('#join-form').waitFor();
  await pages.picture(page, 'chat door');
  await page.click('nav a[href="/demo/tic-tac-toe"]');
  await live(page);
  await pages.picture(page, 'table');
  await page.click('a.brand');
  await live(page);
  expect(pages.problems).toEqual([]);
});

test('on phones, and in the dark', async ({ demo, pages }) => {
  for (const options of [PHONE, SMALL_PHONE, { colorScheme: 'dark' as const }]) {
    const page = await pages.open(`${demo.url}/`, await pages.context(options));
    await live(page);
    await expectNoSidewaysScrolling(page);
  }
  expect(pages.problems).toEqual([]);
});
