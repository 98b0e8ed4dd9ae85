/** The description of the API as people see it: every call, commands that work, by keyboard, on a phone, light and dark. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { PHONE, expectNoSidewaysScrolling } from '../support/demo.ts';
import { API_KEY } from '../support/server.ts';
import { test } from '../support/test.ts';

interface Description {
  paths: Record<string, Record<string, { operationId: string; summary: string }>>;
}

const described = async (url: string) => {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Description;
  return Object.values(paths).flatMap((methods) => Object.values(methods));
};

test('every call of the description is shown, and nothing from elsewhere is asked for', async ({ demo, pages }) => {
  const context = await pages.context();
  const asked: string[] = [];
  context.on('request', (request) => asked.push(new URL(request.url()).origin));
  const page = await pages.open(`${demo.url}/docs`, context);
  await page.locator('.call').first().waitFor();
  const calls = await described(demo.url);
  expect(calls.length).toBeGreaterThan(12);
  for (const { operationId, summary } of calls) {
    expect(await page.locator(`#${operationId} h3`).textContent()).toBe(summary);
    expect(await page.locator(`#${operationId} .wire pre`).count()).toBeGreaterThan(0);
  }
  expect(new Set(asked)).toEqual(new Set([new URL(demo.url).origin]));
  expect(pages.problems).toEqual([]);
});

test('the commands that it shows work when pasted', async ({ demo, pages }) => {
  const page = await pages.open(`${demo.url}/docs`);
  await page.locator('.call').first().waitFor();
  const env = { ...process.env, DOWNLINK_API_KEY: API_KEY };
  for (const call of ['createChannel', 'sendMessage', 'sendMessages', 'getChannel', 'keptMessages', 'presence', 'health', 'deleteChannelByQuery']) {
    const command = (await page.locator(`#${call} .wire pre`).first().textContent()) as string;
    const { stdout } = await promisify(execFile)('bash', ['-ec', command.replace('curl', 'curl -sS --fail-with-body')], { env, timeout: 30_000 });
    expect(stdout, command).not.toContain('urn:downlink:problem');
  }
});

test('it is used by keyboard, and fits on a phone, in light and in dark', async ({ demo, pages }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await pages.open(`${demo.url}/docs`, await pages.context({ ...PHONE, colorScheme }));
    await page.locator('.call').first().waitFor();
    await expectNoSidewaysScrolling(page);
    for (const details of await page.locator('.call details').all()) await details.evaluate((one) => one.setAttribute('open', ''));
    await expectNoSidewaysScrolling(page);
  }
  const page = await pages.open(`${demo.url}/docs`);
  await page.locator('.call').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('delete query');
  expect(await page.locator('#list li:visible').allTextContents()).toEqual([expect.stringContaining('Delete a channel, by query')]);
  expect(pages.problems).toEqual([]);
});
