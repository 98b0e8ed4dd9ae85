/** Pages of a real Chromium, what went wrong in them, and a picture of each at the end of its test. */
import { resolve } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { SCREENSHOTS } from './places.ts';
import { PATIENCE_MS } from './until.ts';

export { kinds, noted, received, untilMessage, untilNoted } from './notes.ts';

/** The pages of one test. */
export class Pages {
  /** Errors in consoles, uncaught exceptions, violations of content policies, of all pages. */
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #label: string;
  readonly #contexts: BrowserContext[] = [];
  #pictures = 0;

  constructor(browser: Browser, label: string) {
    this.#browser = browser;
    this.#label = label.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 90);
  }

  /** A fresh profile: no storage, no cookies, no cache. */
  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(PATIENCE_MS);
    // What a policy forbids is an error in the console as well, but not in every kind of page.
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    context.on('page', (page) => this.#watch(page));
    return context;
  }

  /** A page in a profile of its own, or in that of others. */
  async open(url: string, context?: BrowserContext): Promise<Page> {
    const page = await (context ?? (await this.context())).newPage();
    await page.goto(url);
    return page;
  }

  /** A picture of how a page looks now; with a name for those that show something on the way. */
  async picture(page: Page, name = `${++this.#pictures}`): Promise<void> {
    const path = resolve(SCREENSHOTS, `${this.#label}-${name.replaceAll(' ', '-')}.png`);
    await page.screenshot({ path, animations: 'disabled' });
  }

  /** Takes the last pictures and closes everything. */
  async close(): Promise<void> {
    for (const context of this.#contexts) {
      await context.setOffline(false);
      for (const page of context.pages()) await this.picture(page).catch(() => undefined);
      await context.close();
    }
  }

  #watch(page: Page): void {
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      this.problems.push(`${new URL(page.url()).pathname}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.problems.push(`${page.url()}: uncaught ${error}`));
  }
}
