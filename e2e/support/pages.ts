/** Pages of a real Chromium, what went wrong in them, and a picture of each at the end of its test. */
import { resolve } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { SCREENSHOTS } from './places.ts';
import { PATIENCE_MS } from './until.ts';

/** One callback, as `recorder.js` notes it. */
export interface Noted {
  name: string;
  kind: string;
  argument?: any;
  state?: number;
  at_ms: number;
}

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

/** Everything that a test page has noted, of one socket or of all. */
export async function noted(page: Page, name?: string): Promise<Noted[]> {
  const all = await page.evaluate(() => (window as any).records as Noted[]);
  return name === undefined ? all : all.filter((note) => note.name === name);
}

/** The names of the callbacks so far, in order. */
export async function kinds(page: Page, name?: string): Promise<string[]> {
  return (await noted(page, name)).map(({ kind }) => kind);
}

/** The data of the messages so far, in order. */
export async function received(page: Page, name?: string): Promise<any[]> {
  return (await noted(page, name)).filter(({ kind }) => kind === 'onmessage').map(({ argument }) => argument.data);
}

/** Until a socket has had a callback of this kind, `times` times. */
export async function untilNoted(page: Page, kind: string, name = 'a', times = 1, timeout = PATIENCE_MS): Promise<void> {
  await page.waitForFunction(
    ([kind, name, times]) => {
      const those = ((window as any).records as Noted[]).filter((note) => note.kind === kind && note.name === name);
      return those.length >= times;
    },
    [kind, name, times] as const,
    { timeout },
  ).catch(async (error) => {
    throw new Error(`no ${name}.${kind} (${times}): ${error.message}\n${await summary(page)}`);
  });
}

/** Until a socket has had a message with this data. As order is kept, everything before it has come then too. */
export async function untilMessage(page: Page, data: string, name = 'a', timeout = PATIENCE_MS): Promise<void> {
  await page.waitForFunction(
    ([data, name]) => ((window as any).records as Noted[]).some(
      (note) => note.kind === 'onmessage' && note.name === name && note.argument.data === data,
    ),
    [data, name] as const,
    { timeout },
  ).catch(async (error) => {
    throw new Error(`${name} has no message ${data.slice(0, 100)}: ${error.message}\n${await summary(page)}`);
  });
}

/** The last of what was noted, for the message of a failure. */
async function summary(page: Page): Promise<string> {
  const all = await noted(page);
  const lines = all.slice(-30).map(({ name, kind, argument }) => `${name}.${kind} ${JSON.stringify(argument)}`.slice(0, 120));
  return [`${all.length} callbacks, the last ones:`, ...lines].join('\n');
}
