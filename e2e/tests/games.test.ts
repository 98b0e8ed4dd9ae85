/** The two-window game of the examples, in every language: a real application behind `downlink dev --app`, played by two visitors. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BrowserContext, Page } from 'playwright-core';
import { PHONE, SMALL_PHONE, expectNoSidewaysScrolling, untilText } from '../support/demo.ts';
import { BUILD_MS, Game, LANGUAGES } from '../support/games.ts';
import type { Pages } from '../support/pages.ts';
import { test } from '../support/test.ts';

/** How long a client that has gone may still come back before anybody is told. */
const GRACE_MS = 5_000;

/** Two visitors at a new game, each with a browser profile of their own. */
async function table(pages: Pages, game: Game, contexts: BrowserContext[] = []): Promise<[x: Page, o: Page]> {
  const x = await pages.open(`${game.url}/`, contexts[0]);
  await open(x);
  await untilText(x, '#status', 'Your move');
  await here(x, { x: true, o: false });
  await x.locator('#invite').waitFor();
  const o = await pages.open(await x.inputValue('#link'), contexts[1]);
  await open(o);
  for (const page of [x, o]) await here(page, { x: true, o: true });
  await untilText(o, '#status', 'Their move');
  return [x, o];
}

/** Until the channel is open. */
const open = (page: Page) => page.locator('#line[data-line="open"]').waitFor();

/** Until a page shows who is here. */
async function here(page: Page, { x, o }: { x?: boolean; o?: boolean }): Promise<void> {
  if (x !== undefined) await page.locator(`#here-x[data-here="${x}"]`).waitFor();
  if (o !== undefined) await page.locator(`#here-o[data-here="${o}"]`).waitFor();
}

/** The board as a page shows it. */
async function board(page: Page): Promise<string> {
  const marks = await page.locator('.cell').evaluateAll((cells) => cells.map((cell) => (cell as HTMLElement).dataset.mark));
  return marks.join('');
}

/** Plays a cell in one window, and waits until both show it. */
async function play(player: Page, cell: number, all: Page[]): Promise<void> {
  await untilText(player, '#status', 'Your move');
  await player.locator('.cell').nth(cell).click();
  for (const page of all) await page.locator('.cell').nth(cell).and(page.locator(':is([data-mark="X"], [data-mark="O"])')).waitFor();
}

/** Plays cells in turn. */
async function moves(players: [Page, Page], cells: number[], first = 0): Promise<void> {
  for (const [turn, cell] of cells.entries()) await play(players[(turn + first) % 2] as Page, cell, players);
}

for (const language of LANGUAGES) {
  describe(language, () => {
    const game = new Game(language);
    beforeAll(async () => {
      await game.start();
    }, BUILD_MS);
    afterAll(() => game.stop());

    test(`${language}: two windows play a game to its end, item 38, item 39`, async ({ pages }) => {
      const [x, o] = await table(pages, game);
      expect(await board(x)).toBe('---------');
      // Out of turn, nothing happens.
      await o.locator('.cell').nth(8).click({ force: true });
      await play(x, 0, [x, o]);
      await untilText(x, '#status', 'Their move');
      await play(o, 4, [x, o]);
      // Nor on a cell that is taken.
      await x.locator('.cell').nth(4).click({ force: true });
      await moves([x, o], [1, 5]);
      for (const page of [x, o]) expect(await board(page)).toBe('XX--OO---');
      await pages.picture(x, 'in the middle');
      await play(x, 2, [x, o]);
      await untilText(x, '#status', 'You win');
      await untilText(o, '#status', 'They win');
      for (const page of [x, o]) {
        expect(await board(page)).toBe('XXX-OO---');
        expect(await page.locator('.cell.won').count()).toBe(3);
        await page.locator('.cell').nth(8).click({ force: true });
      }
      await pages.picture(o, 'lost');
      expect(pages.problems).toEqual([]);
    });

    test(`${language}: a draw`, async ({ pages }) => {
      const [x, o] = await table(pages, game);
      await moves([x, o], [0, 1, 2, 4, 3, 5, 7, 6, 8]);
      for (const page of [x, o]) {
        await untilText(page, '#status', 'A draw');
        expect(await page.locator('.cell.won').count()).toBe(0);
      }
      expect(pages.problems).toEqual([]);
    });

    test(`${language}: a reload in the middle of a game loses nothing`, async ({ pages }) => {
      const [x, o] = await table(pages, game);
      await moves([x, o], [0, 4, 8]);
      for (const page of [x, o]) {
        await page.reload();
        await open(page);
        await here(page, { x: true, o: true });
        expect(await board(page)).toBe('X---O---X');
      }
      await untilText(x, '#status', 'Their move');
      // What happens while a page is away is there when it comes back.
      await x.goto('about:blank');
      await play(o, 2, [o]);
      await x.goBack();
      await open(x);
      await play(x, 6, [x, o]);
      for (const page of [x, o]) expect(await board(page)).toBe('X-O-O-X-X');
      expect(pages.problems).toEqual([]);
    });

    test(`${language}: a closed window is gone after the grace and here when it is back, a reload is no departure, item 49, item 50, item 52`, async ({ pages }) => {
      const own = await pages.context();
      const [x, o] = await table(pages, game, [await pages.context(), own]);
      await moves([x, o], [4]);
      const link = o.url();
      await x.reload();
      await here(x, { x: true, o: true });
      await x.evaluate(() => {
        const shown = document.getElementById('here-x') as HTMLElement;
        const seen: (string | undefined)[] = ((window as any).seen = []);
        new MutationObserver(() => seen.push(shown.dataset.here)).observe(shown, { attributes: true });
      });
      const closed_ms = performance.now();
      await o.close();
      await here(x, { o: false });
      expect(performance.now() - closed_ms, 'not before the grace').toBeGreaterThan(GRACE_MS * 0.8);
      await untilText(x, '#here-o', 'away');
      // The reload was before the end of the other window: its departure would have been told by now.
      expect(await x.evaluate(() => (window as any).seen as string[])).not.toContain('false');
      await pages.picture(x, 'alone');
      const back = await pages.open(link, own);
      await open(back);
      for (const page of [x, back]) await here(page, { x: true, o: true });
      expect(await board(back)).toBe('----X----');
      await moves([x, back], [0], 1);
      await untilText(x, '#status', 'Your move');
      expect(pages.problems).toEqual([]);
    });

    test(`${language}: who comes third gets no seat and no channel`, async ({ pages }) => {
      const [x] = await table(pages, game);
      const third = await pages.open(x.url());
      await untilText(third, '#status', 'Two are playing already');
      expect(await third.content()).toContain('const token = "";');
      await pages.picture(third, 'third');
      expect(pages.problems).toEqual([]);
    });

    test(`${language}: nonsense is refused, and so is a forged notice, item 54`, async () => {
      const visitor = async (path: string, cookie = '', url = game.url) => {
        const headers = cookie ? { Cookie: cookie } : {};
        return fetch(url + path, { method: 'POST', headers, redirect: 'manual' });
      };
      const first = await fetch(`${game.url}/`, { redirect: 'manual' });
      expect(first.status).toBe(303);
      const id = /^\/\?g=([A-Za-z0-9]+)$/.exec(first.headers.get('location') ?? '')?.[1] as string;
      expect(first.headers.get('set-cookie')).toMatch(/^user=[A-Za-z]+;.*/);
      const [cookie] = (first.headers.get('set-cookie') as string).split(';') as [string];
      for (const attribute of ['HttpOnly', 'SameSite=Lax', 'Path=/']) expect(first.headers.get('set-cookie')).toContain(attribute);
      const page = await fetch(`${game.url}/?g=${id}`, { headers: { Cookie: cookie } });
      expect(page.headers.get('content-type')).toMatch(/^text\/html; *charset=utf-8$/i);
      expect(page.headers.get('cache-control')).toBe('no-store');
      const html = await page.text();
      expect(html).toContain('const mark = "X";');
      expect(html).toMatch(/const token = "[A-Za-z0-9_.-]{20,}";/);
      expect(html).not.toContain('{{');

      const status = async (...of: Parameters<typeof visitor>) => (await visitor(...of)).status;
      expect(await status(`/opened?g=${id}`, cookie)).toBe(204);
      expect(await status('/opened?g=nosuchgame', cookie)).toBe(404);
      expect(await status('/opened', cookie)).toBe(404);
      expect(await status(`/opened?g=${id}`)).toBe(403);
      expect(await status(`/opened?g=${id}`, 'user=stranger')).toBe(403);
      for (const cell of ['9', '-1', '1.5', 'x', '', '00', '%D9%A1']) expect(await status(`/move?g=${id}&i=${cell}`, cookie)).toBe(400);
      expect(await status(`/move?g=${id}`, cookie)).toBe(400);
      expect(await status(`/move?g=${id}&i=4`)).toBe(403);
      expect(await status(`/move?g=${id}&i=4`, cookie)).toBe(204);
      expect(await status(`/move?g=${id}&i=5`, cookie), 'not your turn').toBe(400);
      expect(await status('/no-such-path', cookie)).toBe(404);
      expect((await fetch(`${game.url}/?g=${'x'.repeat(200)}`)).status).toBe(400);
      expect((await fetch(`${game.url}/?g=%22%3E%3Cscript%3E`)).status).toBe(400);
      for (const path of ['/_ah/channel/connected/', '/_ah/channel/disconnected/']) {
        expect(await status(path), 'Downlink lets none in from outside').toBe(403);
        expect(await status(path, '', game.application), 'the application believes none that is not signed').toBe(403);
      }
    });
  });
}

test('the page of the game: on phones, in the dark, by keyboard', async ({ pages }) => {
  const game = await new Game(LANGUAGES[0] as string).start();
  try {
    const contexts = [await pages.context(PHONE), await pages.context({ ...SMALL_PHONE, colorScheme: 'dark' })];
    const alone = await pages.open(`${game.url}/`, contexts[0]);
    await open(alone);
    await here(alone, { x: true, o: false });
    await expectNoSidewaysScrolling(alone);
    await pages.picture(alone, 'waiting on a phone');
    const [x, o] = await table(pages, game, contexts);
    await x.locator('.cell').nth(4).tap();
    await untilText(o, '#status', 'Your move');
    await o.locator('.cell').nth(2).tap();
    await untilText(x, '#status', 'Your move');
    for (const page of [x, o]) {
      await expectNoSidewaysScrolling(page);
      const height_px = await page.evaluate(() => innerHeight);
      const cell = await page.locator('.cell').nth(8).boundingBox();
      expect((cell?.y ?? 0) + (cell?.height ?? 0), 'the whole board is on the screen').toBeLessThanOrEqual(height_px);
    }
    const focused = () => x.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    await x.locator('.cell').nth(0).focus();
    await x.keyboard.press('ArrowDown');
    expect(await focused()).toBe('left: empty');
    await x.keyboard.press('Enter');
    await untilText(x, '#status', 'Their move');
    expect(await focused(), 'the focus stays where it was').toBe('left: X');
    await x.keyboard.press('ArrowLeft');
    expect(await focused()).toBe('right: empty');
    expect(pages.problems).toEqual([]);
  } finally {
    await game.stop();
  }
});
