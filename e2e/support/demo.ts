/** What the tests of the demo pages share. */
import type { BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A phone, held upright. */
export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true,
};

/** A narrow one. */
export const SMALL_PHONE: BrowserContextOptions = { ...PHONE, viewport: { width: 320, height: 640 } };

/** Until the page says that its channel is open. */
export async function live(page: Page): Promise<void> {
  await page.locator('#state[data-state="live"]').waitFor();
}

/** Nothing sticks out to the right, and nothing that can be read is cut off at the edge of the window. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const { wide, window_px, outside } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    window_px: document.documentElement.clientWidth,
    outside: [...document.querySelectorAll('h1, h2, p, button, input, textarea, a')]
      .filter((element) => element.getClientRects().length > 0 && !element.closest('pre, .visually-hidden, .skip'))
      .filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return left < -1 || right > innerWidth + 1;
      })
      .map((element) => element.outerHTML.slice(0, 80)),
  }));
  expect(wide, 'no wider than the window').toBeLessThanOrEqual(window_px);
  expect(outside).toEqual([]);
}

/** Until an element has exactly this text. */
export async function untilText(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(
    ([selector, text]) => document.querySelector(selector)?.textContent?.trim() === text,
    [selector, text] as const,
  ).catch(async (error) => {
    const has = await page.locator(selector).first().textContent().catch(() => 'nothing');
    throw new Error(`${selector} is not ${JSON.stringify(text)} but ${JSON.stringify(has)}: ${error.message}`);
  });
}
