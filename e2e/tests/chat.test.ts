/** The chat room, in two windows of two people. */
import { expect } from 'vitest';
import type { BrowserContext, Page } from 'playwright-core';
import { PHONE, SMALL_PHONE, expectNoSidewaysScrolling, live, untilText } from '../support/demo.ts';
import type { Pages } from '../support/pages.ts';
import type { Server } from '../support/server.ts';
import { test } from '../support/test.ts';

let rooms = 0;

/** Enters a room as somebody. */
async function enter(pages: Pages, server: Server, room: string, name: string, context?: BrowserContext): Promise<Page> {
  const page = await pages.open(`${server.url}/demo/chat?room=${room}`, context);
  await page.fill('#name', name);
  await page.getByRole('button', { name: 'Join the room' }).click();
  await live(page);
  await page.locator('#room-view').waitFor();
  return page;
}

const freshRoom = () => `room-${++rooms}`;

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

/** Until the room shows this as somebody's message, come back down. */
async function untilSaid(page: Page, text: string): Promise<void> {
  await page.locator('.message:not(.pending) .text', { hasText: text }).first().waitFor();
}

const texts = (page: Page) => page.locator('.message:not(.pending) .text').allTextContents();
const people = (page: Page) => page.locator('#people .name').allTextContents();

test('two people see each other come, speak in order, and go', async ({ demo, pages }) => {
  const room = freshRoom();
  const ada = await enter(pages, demo, room, 'Ada');
  await untilText(ada, '#count', 'only you');
  const ben = await enter(pages, demo, room, 'Ben');
  await untilText(ada, '#count', '2 here');
  await ada.locator('.notice', { hasText: 'Ben came in.' }).waitFor();
  for (const page of [ada, ben]) expect(await people(page)).toEqual(['Ada', 'Ben']);
  await say(ada, 'Hello, Ben!');
  await untilSaid(ben, 'Hello, Ben!');
  await say(ben, 'Hello, Ada. Are you there?');
  await untilSaid(ada, 'Are you there?');
  for (const number of [1, 2, 3, 4, 5]) await say(ada, `line ${number}`);
  for (const page of [ada, ben]) {
    await untilSaid(page, 'line 5');
    expect(await texts(page)).toEqual(['Hello, Ben!', 'Hello, Ada. Are you there?', ...[1, 2, 3, 4, 5].map((n) => `line ${n}`)]);
  }
  expect(await ada.locator('.message.own').count()).toBe(6);
  expect(await ben.locator('.message.own').count()).toBe(1);
  await pages.picture(ben, 'conversation');
  await ben.close();
  await untilText(ada, '#count', 'only you');
  await ada.locator('.notice', { hasText: 'Ben left.' }).waitFor();
  expect(pages.problems).toEqual([]);
});

test('what somebody writes is shown as text, never as markup', async ({ demo, pages }) => {
  const room = freshRoom();
  const evil = '<img src=x onerror="hacked=1"><script>hacked=1</script> & <b>bold</b>';
  const eve = await enter(pages, demo, room, '<b>Eve</b> <i>&');
  const ada = await enter(pages, demo, room, 'Ada');
  await say(eve, evil);
  for (const page of [eve, ada]) {
    await untilSaid(page, '<script>');
    expect(await texts(page)).toEqual([evil]);
    expect(await people(page)).toEqual(['<b>Eve</b> <i>&', 'Ada']);
    expect(await page.evaluate(() => (window as any).hacked)).toBeUndefined();
    expect(await page.locator('#messages img, #messages script, #messages b').count()).toBe(0);
  }
  expect(pages.problems).toEqual([]);
});

test('a reload keeps seat and conversation, and nobody hears of it', async ({ demo, pages }) => {
  const room = freshRoom();
  const ada = await enter(pages, demo, room, 'Ada');
  const ben = await enter(pages, demo, room, 'Ben');
  await say(ada, 'before');
  await untilSaid(ben, 'before');
  await ada.reload();
  await live(ada);
  await say(ben, 'after');
  await untilSaid(ada, 'after');
  expect(await texts(ada)).toEqual(['before', 'after']);
  await say(ada, 'still Ada');
  await untilSaid(ben, 'still Ada');
  expect(await people(ben)).toEqual(['Ada', 'Ben']);
  expect(await ben.locator('.notice', { hasText: 'left' }).count()).toBe(0);
  expect(await ada.locator('.message.own .text').allTextContents()).toEqual(['before', 'still Ada']);
  expect(pages.problems).toEqual([]);
});

test('a restart of the program: both windows find back by themselves, and speak again', async ({ startDemo, pages }) => {
  const server = await startDemo();
  const room = freshRoom();
  const [ada, ben] = [await enter(pages, server, room, 'Ada'), await enter(pages, server, room, 'Ben')];
  await say(ada, 'before the restart');
  await untilSaid(ben, 'before the restart');
  await server.kill();
  await ada.locator('#state[data-state="reconnecting"]').waitFor();
  await pages.picture(ada, 'reconnecting');
  await server.start();
  for (const page of [ada, ben]) {
    await live(page);
    await untilText(page, '#count', '2 here');
  }
  await say(ben, 'after the restart');
  await untilSaid(ada, 'after the restart');
  expect(await texts(ada)).toEqual(['before the restart', 'after the restart']);
});

test('on phones, and in the dark', async ({ demo, pages }) => {
  const room = freshRoom();
  const phone = await enter(pages, demo, room, 'Ada with a phone', await pages.context(PHONE));
  const small = await enter(pages, demo, room, 'Ben', await pages.context({ ...SMALL_PHONE, colorScheme: 'dark' }));
  const door = await pages.open(`${demo.url}/demo/chat`, await pages.context(PHONE));
  const dark = await enter(pages, demo, room, 'Cleo', await pages.context({ colorScheme: 'dark' }));
  const line = async (page: Page) => (await page.locator('#text').boundingBox())?.height;
  expect(await line(small), 'the empty place to write is one line high').toBe(await line(dark));
  await say(phone, 'A message that is longer than a line of a phone can hold, so that it has to be broken somewhere.');
  await say(small, `and one without any place to break it: ${'x'.repeat(120)}`);
  for (const page of [phone, small, dark]) await untilSaid(page, 'xxx');
  for (const page of [phone, small, door]) await expectNoSidewaysScrolling(page);
  const form = await phone.locator('#say-form').boundingBox();
  expect((form?.y ?? 0) + (form?.height ?? 0), 'the place to write is on the screen').toBeLessThanOrEqual(844);
  expect(pages.problems).toEqual([]);
});
