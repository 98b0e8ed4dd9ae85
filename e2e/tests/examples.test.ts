/** The examples, each started with its one command, as a visitor meets them. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { PHONE, expectNoSidewaysScrolling, untilText } from '../support/demo.ts';
import { Example } from '../support/example.ts';
import { BUILD_MS } from '../support/games.ts';
import type { Pages } from '../support/pages.ts';
import { test } from '../support/test.ts';
import { until } from '../support/until.ts';

const DARK: BrowserContextOptions = { colorScheme: 'dark' };

/** The examples, and what is run for each. */
const EXAMPLES = {
  aiStream: new Example('ai-stream'),
  progress: new Example('progress'),
  dashboard: new Example('dashboard'),
  chat: new Example('chat'),
  ticTacToe: new Example('tic-tac-toe', 'python'),
};
beforeAll(async () => {
  await Promise.all(Object.values(EXAMPLES).map((example) => example.start()));
}, BUILD_MS);
afterAll(async () => {
  await Promise.all(Object.values(EXAMPLES).map((example) => example.stop()));
});

/** Errors of pages; that a request fails while a page is cut off says the browser and not the page. */
const problemsOf = (pages: Pages) => pages.problems.filter((problem) => !problem.includes('ERR_INTERNET_DISCONNECTED'));

const live = (page: Page) => page.locator('#state[data-state="open"]').waitFor();
const textOf = (page: Page, selector: string) => page.locator(selector).innerText();

/** How it looks in the dark, and on a phone, where nothing sticks out. */
async function looks(pages: Pages, url: string, ready: (page: Page) => Promise<unknown>): Promise<void> {
  for (const [name, options] of [['dark', DARK], ['phone', PHONE]] as const) {
    const page = await pages.open(url, await pages.context(options));
    await ready(page);
    await expectNoSidewaysScrolling(page);
    await pages.picture(page, name);
  }
}

describe('ai-stream', () => {
  const example = EXAMPLES.aiStream;
  const words = async (page: Page) => Number((await textOf(page, '#count')).split(' ')[0]);
  const over = (page: Page) => page.locator('#text:not(.writing)').waitFor();

  test('an answer survives reloads and a cut, to the word, in every window', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await page.fill('#prompt', 'How are messages stored?');
    await page.press('#prompt', 'Enter');
    await until('some words', async () => (await words(page)) >= 3);
    const other = await pages.open(page.url());
    const before = await textOf(page, '#text');
    await page.context().setOffline(true);
    await until('words that one window does not see', async () => (await words(other)) > (await words(page)) + 3);
    await page.context().setOffline(false);
    await pages.picture(other, 'writing');
    await page.click('#reload');
    await until('the words from before', async () => (await textOf(page, '#text')).startsWith(before));
    for (const window of [page, other]) await over(window);
    const whole = await textOf(other, '#text');
    expect(await textOf(page, '#text')).toBe(whole);
    expect(whole.split(' ').length).toBe(await words(page));
    await page.reload();
    await over(page);
    expect(await textOf(page, '#text')).toBe(whole);
    await looks(pages, page.url(), over);
    expect(problemsOf(pages)).toEqual([]);
  });

  test('an answer can be stopped, and nonsense is refused', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await pages.picture(page, 'empty');
    await page.getByRole('button', { name: 'What is a channel?' }).click();
    await until('some words', async () => (await words(page)) >= 2);
    await page.click('#stop');
    await over(page);
    expect(await textOf(page, '#count')).toContain('stopped');
    for (const body of ['', '7', '{"prompt":" "}', `{"prompt":"${'x'.repeat(501)}"}`]) {
      expect((await fetch(`${example.url}/answers`, { method: 'POST', body })).status).toBe(400);
    }
    expect((await fetch(`${example.url}/answers/00000000-0000-0000-0000-000000000000`)).status).toBe(404);
  });
});

describe('progress', () => {
  const example = EXAMPLES.progress;
  const job = (page: Page, state: string) => page.locator(`#job[data-job="${state}"]`).waitFor();
  const percent = async (page: Page) => Number.parseInt(await textOf(page, '#percent'), 10);

  test('a job goes on over a reload, is seen in two windows, and counts right', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await pages.picture(page, 'start');
    await page.selectOption('#below', '200000000');
    await page.getByRole('button', { name: 'Start' }).click();
    await job(page, 'running');
    await page.reload();
    const other = await pages.open(page.url());
    for (const window of [page, other]) {
      await job(window, 'done');
      expect(await textOf(window, '#percent')).toBe('100 %');
      // The number of primes below 200,000,000.
      expect(await textOf(window, '#found')).toBe('11,078,937');
    }
    await pages.picture(page, 'done');
    expect(pages.problems).toEqual([]);
  });

  test('the bar moves, and a job can be cancelled', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await page.selectOption('#below', '5000000000');
    await page.getByRole('button', { name: 'Start' }).click();
    await job(page, 'running');
    await live(page);
    const first = await percent(page);
    await until('it moves', async () => (await percent(page)) > first + 1);
    await pages.picture(page, 'running');
    await looks(pages, page.url(), (one) => job(one, 'running'));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await job(page, 'cancelled');
    for (const body of ['', '{"below":9}', '{"below":5000000001}', '{"below":"x"}']) {
      expect((await fetch(`${example.url}/jobs`, { method: 'POST', body })).status).toBe(400);
    }
    expect(pages.problems).toEqual([]);
  });
});

describe('dashboard', () => {
  const example = EXAMPLES.dashboard;
  const samples = (page: Page) => page.evaluate(() => (document.body.dataset.samples ?? '').split(' ').filter(Boolean).map(Number));

  test('plots move, and a window that was away has no hole in them', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await live(page);
    const other = await pages.open(`${example.url}/`);
    await live(other);
    for (const window of [page, other]) await untilText(window, '#watching', '2 pages');
    for (const value of ['#cpu', '#memory', '#network', '#load']) expect(await textOf(page, value)).toMatch(/\d/);
    await page.context().setOffline(true);
    const missed = Math.max(...(await samples(other))) + 3;
    await until('some samples more', async () => (await samples(other)).includes(missed));
    expect(await samples(page)).not.toContain(missed);
    await page.context().setOffline(false);
    await until('what was missed is there', async () => (await samples(page)).includes(missed));
    const seen = await samples(page);
    expect(seen).toEqual(seen.map((_, at) => (seen[0] as number) + at));
    // Something is drawn, and a moment later it is something else.
    const drawn = () => page.locator('#cpu-plot').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const first = await drawn();
    await until('the plot moves', async () => (await drawn()) !== first);
    await page.hover('#memory-plot');
    await pages.picture(page, 'light');
    await looks(pages, `${example.url}/`, live);
    expect(problemsOf(pages)).toEqual([]);
  });
});

describe('chat', () => {
  const example = EXAMPLES.chat;

  /** Somebody comes in. */
  async function enter(pages: Pages, room: string, name: string, options?: BrowserContextOptions): Promise<Page> {
    const page = await pages.open(`${example.url}/?room=${room}`, await pages.context(options));
    await page.fill('#name', name);
    await page.press('#name', 'Enter');
    await live(page);
    return page;
  }

  const say = async (page: Page, text: string) => {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  };
  const said = (page: Page) => page.locator('#said li p').allTextContents();
  const here = (page: Page, name: string, is: boolean) => page.locator(`#people li[data-here="${is}"]`, { hasText: name }).waitFor();

  test('two people talk; a reload, a cut and a third who comes later miss nothing', async ({ pages }) => {
    const ada = await enter(pages, 'garden', 'Ada');
    const bob = await enter(pages, 'garden', 'Bob <b>', DARK);
    for (const page of [ada, bob]) for (const name of ['Ada', 'Bob <b>']) await here(page, name, true);
    await say(ada, 'Good morning, <i>Bob</i>!');
    await say(bob, 'Good morning 🌍');
    const all = ['Good morning, <i>Bob</i>!', 'Good morning 🌍'];
    for (const page of [ada, bob]) await until('both have both', async () => (await said(page)).length === 2);
    for (const page of [ada, bob]) expect(await said(page)).toEqual(all);
    // Only then: what was said ends the typing before it.
    await bob.locator('#text').pressSequentially('I am');
    await untilText(ada, '#typing', 'Bob <b> is typing …');
    await ada.reload();
    await live(ada);
    await bob.context().setOffline(true);
    await say(ada, 'Are you there?');
    await until('Ada reads it', async () => (await said(ada)).length === 3);
    await bob.context().setOffline(false);
    await until('Bob reads it', async () => (await said(bob)).length === 3);
    const eve = await enter(pages, 'garden', 'Eve', PHONE);
    for (const page of [ada, bob, eve]) expect(await said(page)).toEqual([...all, 'Are you there?']);
    await expectNoSidewaysScrolling(eve);
    for (const [name, page] of [['light', ada], ['dark', bob], ['phone', eve]] as const) await pages.picture(page, name);
    expect(problemsOf(pages)).toEqual([]);
  });

  test('who has gone is away for the others; rooms do not hear each other; strangers and forgers are refused', async ({ pages }) => {
    const door = await pages.open(`${example.url}/`);
    await door.locator('#door').waitFor();
    await pages.picture(door, 'door');
    const ada = await enter(pages, 'hall', 'Ada');
    const bob = await enter(pages, 'hall', 'Bob');
    const other = await enter(pages, 'cellar', 'Mallory');
    await here(ada, 'Bob', true);
    await say(ada, 'Only for the hall');
    await until('Bob reads it', async () => (await said(bob)).length === 1);
    await say(other, 'Only for the cellar');
    await until('it is read', async () => (await said(other)).length === 1);
    expect(await said(ada)).toEqual(['Only for the hall']);
    expect(await said(other)).toEqual(['Only for the cellar']);
    await bob.close();
    await here(ada, 'Bob', false);
    const post = (path: string, body: object) =>
      fetch(example.url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    expect((await post('/say', { room: 'hall', text: 'I am not in' })).status).toBe(401);
    expect((await post('/enter', { room: 'no.dots', name: 'x' })).status).toBe(422);
    expect((await post('/_ah/channel/connected/', {})).status).toBe(403);
  });
});

describe('tic-tac-toe', () => {
  const example = EXAMPLES.ticTacToe;

  test('the game starts with one command, too', async ({ pages }) => {
    const page = await pages.open(`${example.url}/`);
    await untilText(page, '#status', 'Your move');
  });
});
