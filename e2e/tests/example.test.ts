/** The example of the old documentation, behind `downlink dev --app`, as its README says. */
import { resolve } from 'node:path';
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { PYTHON, REPOSITORY } from '../support/places.ts';
import { freePort } from '../support/ports.ts';
import { Running } from '../support/process.ts';
import { API_KEY, Server } from '../support/server.ts';
import { test as base } from '../support/test.ts';
import { signToken } from '../support/token.ts';

const test = base.extend<{ example: Server }>({
  example: [
    async ({}, use) => {
      const port = await freePort();
      const server = await new Server({ app: `http://127.0.0.1:${port}` }).start();
      const app = new Running(PYTHON, [resolve(REPOSITORY, 'examples/classic/app.py')], {
        PORT: `${port}`,
        DOWNLINK_URL: server.url,
        DOWNLINK_API_KEY: API_KEY,
        // The packages as they lie here; `httpx` is all that has to be installed.
        PYTHONPATH: [resolve(REPOSITORY, 'sdk/python'), resolve(REPOSITORY, 'sdk/python/gae/src')].join(':'),
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
      });
      await app.prints(/listens on/);
      await use(server);
      await app.end('SIGTERM');
      await server.stop();
    },
    { scope: 'file' },
  ],
});

const callbacks = (page: Page) => page.locator('#callbacks li');

/** What the page's list of callbacks says, without the times. */
async function names(page: Page): Promise<string[]> {
  return (await callbacks(page).allTextContents()).map((text) => text.replace(/^.*?\s{2,}/, ''));
}

const says = (page: Page, state: string) => page.locator(`#status[data-state="${state}"]`).waitFor();

test('what the form says comes back over the channel, in both windows of one visitor', async ({ example, pages }) => {
  const context = await pages.context();
  const [one, two] = [await pages.open(`${example.url}/`, context), await pages.open(`${example.url}/`, context)];
  for (const page of [one, two]) await says(page, 'open');
  await one.fill('#message', 'hello, <b>world</b> & "all" 🌍');
  await one.press('#message', 'Enter');
  for (const page of [one, two]) {
    await page.locator('#messages li').first().waitFor();
    expect(await page.locator('#messages li').allTextContents()).toEqual(['hello, <b>world</b> & "all" 🌍']);
    expect(await names(page)).toEqual(['onopen', 'onmessage']);
  }
  const stranger = await pages.open(`${example.url}/`);
  await says(stranger, 'open');
  await one.fill('#message', 'not for strangers');
  await one.getByRole('button', { name: 'Send' }).click();
  await two.locator('#messages li').nth(1).waitFor();
  expect(await stranger.locator('#messages li').count()).toBe(0);
  expect(pages.problems).toEqual([]);
});

test('the button closes the channel: onclose, once', async ({ example, pages }) => {
  const page = await pages.open(`${example.url}/`);
  await says(page, 'open');
  await page.click('#close');
  await says(page, 'closed');
  expect(await names(page)).toEqual(['onopen', 'onclose']);
  expect(await page.locator('#close').isDisabled()).toBe(true);
  expect(pages.problems).toEqual([]);
});

for (const [what, token, description] of [
  ['a garbage token', () => 'garbage', 'Invalid+token.'],
  ['an expired token', () => signToken('visitor', -5), 'Token+timed+out.'],
] as const) {
  test(`${what}: onerror and onclose, for all to see`, async ({ example, pages }) => {
    const context = await pages.context();
    // The page as the application makes it, but for the token in it.
    await context.route(`${example.url}/`, async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replace(/var channelId = ".*?"/, `var channelId = "${token()}"`);
      await route.fulfill({ response: answer, body });
    });
    const page = await pages.open(`${example.url}/`, context);
    await says(page, 'closed');
    expect(await names(page)).toEqual([`onerror 401 ${description}`, 'onclose']);
  });
}

test('a message that the application refuses is said on the page', async ({ example, pages }) => {
  const page = await pages.open(`${example.url}/`);
  await says(page, 'open');
  await page.getByRole('button', { name: 'Send' }).click();
  await callbacks(page).nth(1).waitFor();
  expect((await names(page))[1]).toContain('refused');
});
