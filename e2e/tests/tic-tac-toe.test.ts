/** Tic-tac-toe: two windows play, a third one watches. */
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { PHONE, SMALL_PHONE, expectNoSidewaysScrolling, live, untilText } from '../support/demo.ts';
import type { Pages } from '../support/pages.ts';
import type { Server } from '../support/server.ts';
import { test } from '../support/test.ts';

/** A new table, and the second player at it. */
async function table(pages: Pages, server: Server): Promise<[x: Page, o: Page]> {
  const x = await pages.open(`${server.url}/demo/tic-tac-toe`);
  await live(x);
  await untilText(x, '#status', 'Waiting for the second player');
  const o = await pages.open(await x.inputValue('#invite'));
  await live(o);
  await untilText(x, '#status', 'Your move');
  await untilText(o, '#status', 'Their move');
  return [x, o];
}

/** The marks on the board as a page shows them, row by row. */
async function board(page: Page): Promise<string> {
  const marks = await page.locator('.cell').evaluateAll((cells) => cells.map((cell) => (cell as HTMLElement).dataset.mark ?? '.'));
  return marks.join('');
}

/** Plays a cell in one window and waits until every window shows it. */
async function play(player: Page, cell: number, all: Page[]): Promise<void> {
  await untilText(player, '#status', 'Your move');
  await player.locator('.cell').nth(cell).click();
  for (const page of all) await page.locator('.cell').nth(cell).and(page.locator('[data-mark]')).waitFor();
}

/** Plays cells in turn. */
async function moves(players: [Page, Page], cells: number[], all: Page[] = players): Promise<void> {
  for (const [turn, cell] of cells.entries()) await play(players[turn % 2] as Page, cell, all);
}

test('a game to its end, watched by a third window, and a rematch', async ({ demo, pages }) => {
  const [x, o] = await table(pages, demo);
  const third = await pages.open(await x.inputValue('#invite'));
  await live(third);
  await untilText(third, '#status', 'X to move');
  for (const page of [x, o]) await untilText(page, '#watchers', '1 watches');
  const all = [x, o, third];
  await moves([x, o], [0, 4, 1, 5], all);
  for (const page of all) expect(await board(page)).toBe('XX..OO...');
  await pages.picture(o, 'before the last move');
  await play(x, 2, all);
  await untilText(x, '#status', 'You win');
  await untilText(o, '#status', 'They win');
  await untilText(third, '#status', 'X wins');
  for (const page of all) {
    expect(await page.locator('.cell.won').count()).toBe(3);
    await untilText(page, '#score-x', '1');
  }
  // Neither a played cell, nor a finished game, nor a watcher's click changes anything.
  for (const page of all) await page.locator('.cell').nth(8).click({ force: true });
  expect(await third.locator('#rematch').isHidden()).toBe(true);
  await pages.picture(x, 'won');
  await o.click('#rematch');
  for (const page of all) await page.waitForFunction(() => !document.querySelector('.cell[data-mark]'));
  const [first, second] = (await x.textContent('#status')) === 'Your move' ? [x, o] : [o, x];
  await moves([first as Page, second as Page], [4], all);
  await untilText(first as Page, '#status', 'Their move');
  expect(pages.problems).toEqual([]);
});

test('a draw', async ({ demo, pages }) => {
  const [x, o] = await table(pages, demo);
  await moves([x, o], [0, 1, 2, 4, 3, 5, 7, 6, 8]);
  for (const page of [x, o]) {
    await untilText(page, '#status', 'A draw');
    await untilText(page, '#draws', '1 draw');
  }
  expect(pages.problems).toEqual([]);
});

test('a reload keeps the seat and the board', async ({ demo, pages }) => {
  const [x, o] = await table(pages, demo);
  await moves([x, o], [0, 4, 8]);
  await o.reload();
  await live(o);
  await untilText(o, '#status', 'Your move');
  expect(await board(o)).toBe('X...O...X');
  await x.reload();
  await live(x);
  await untilText(x, '#status', 'Their move');
  await play(o, 2, [x, o]);
  await untilText(x, '#status', 'Your move');
  expect(await board(x)).toBe('X.O.O...X');
  expect(pages.problems).toEqual([]);
});

test('the keyboard alone is enough to play', async ({ demo, pages }) => {
  const [x, o] = await table(pages, demo);
  const focused = () => x.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  await x.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (let presses = 0; presses < 20 && !(await focused())?.startsWith('top left'); presses++) await x.keyboard.press('Tab');
  expect(await focused()).toBe('top left: empty');
  await x.keyboard.press('ArrowRight');
  await x.keyboard.press('ArrowDown');
  expect(await focused()).toBe('middle: empty');
  await x.keyboard.press('Enter');
  await untilText(x, '#status', 'Their move');
  expect(await focused(), 'the focus stays where it was').toBe('middle: X');
  await pages.picture(x, 'focus');
  await play(o, 0, [x, o]);
  await x.keyboard.press('ArrowUp');
  await x.keyboard.press('Space');
  await untilText(x, '#status', 'Their move');
  expect(await board(o)).toBe('OX..X....');
  expect(pages.problems).toEqual([]);
});

test('a restart of the program: both windows find to a table again', async ({ startDemo, pages }) => {
  const server = await startDemo();
  const [x, o] = await table(pages, server);
  await moves([x, o], [0]);
  await server.kill();
  await x.locator('#state[data-state="reconnecting"]').waitFor();
  await server.start();
  for (const page of [x, o]) {
    await live(page);
    await page.locator('#trouble', { hasText: 'here is a new one' }).waitFor();
    const said = await page.locator('#trouble').boundingBox();
    expect((said?.y ?? 0) + (said?.height ?? 0), 'why the board is empty is said where it is seen').toBeLessThanOrEqual(800);
  }
});

test('on phones, and in the dark', async ({ demo, pages }) => {
  const x = await pages.open(`${demo.url}/demo/tic-tac-toe`, await pages.context(PHONE));
  await live(x);
  await expectNoSidewaysScrolling(x);
  const o = await pages.open(await x.inputValue('#invite'), await pages.context({ ...SMALL_PHONE, colorScheme: 'dark' }));
  await live(o);
  await untilText(x, '#status', 'Your move');
  await x.locator('.cell').nth(4).tap();
  await untilText(o, '#status', 'Your move');
  await o.locator('.cell').nth(2).tap();
  await untilText(x, '#status', 'Your move');
  for (const page of [x, o]) {
    await expectNoSidewaysScrolling(page);
    await page.evaluate(() => scrollTo(0, 0));
    const height_px = await page.evaluate(() => innerHeight);
    const cell = await page.locator('.cell').nth(8).boundingBox();
    expect((cell?.y ?? 0) + (cell?.height ?? 0), 'the whole board is on the screen').toBeLessThanOrEqual(height_px);
  }
  expect(pages.problems).toEqual([]);
});
