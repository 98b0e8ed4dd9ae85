/**
 * Two browsers behind one face: Chromium by Playwright, Firefox by Puppeteer over WebDriver BiDi (Playwright drives
 * only a Firefox of its own making). What a test does with a page, both drivers call alike.
 */
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { launch } from 'puppeteer-core';
import { CHROMIUM, FIREFOX, SCREENSHOTS } from './places.ts';

/** The browsers in which the acceptance list is proved. */
export const ENGINES = ['chromium', 'firefox'] as const;

export type EngineName = (typeof ENGINES)[number];

/** A page, as far as both drivers have it. */
export type Tab = Pick<Page, 'evaluate' | 'goto' | 'reload' | 'goBack' | 'close' | 'screenshot' | 'url'>;

/** Storage and cookies of its own, and the pages in it. */
export interface Profile {
  open(): Promise<Tab>;
  close(): Promise<void>;
}

/** A running browser. */
export interface Engine {
  readonly name: EngineName;
  profile(): Promise<Profile>;
  close(): Promise<void>;
  /** `kill -9`: none of its pages has time for anything. */
  kill(): Promise<void>;
}

/** Chromium as root in a closed network: no sandbox, and no look-ups of its own. */
export const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Starts a browser without windows, which takes any certificate. */
export function start(name: EngineName): Promise<Engine> {
  return name === 'chromium' ? startChromium() : startFirefox();
}

async function startChromium(): Promise<Engine> {
  // As a server, since only then its process can be killed.
  const server = await chromium.launchServer({ executablePath: CHROMIUM, args: FLAGS });
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    name: 'chromium',
    async profile() {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true });
      return { open: () => context.newPage(), close: () => context.close() };
    },
    close: () => server.close(),
    kill: () => server.kill(),
  };
}

async function startFirefox(): Promise<Engine> {
  const browser = await launch({
    browser: 'firefox', executablePath: FIREFOX, acceptInsecureCerts: true, defaultViewport: { width: 1280, height: 800 },
  });
  return {
    name: 'firefox',
    async profile() {
      const context = await browser.createBrowserContext();
      // The calls that the tests use are the same; the types of all the others are not.
      return { open: async () => (await context.newPage()) as unknown as Tab, close: () => context.close() };
    },
    close: () => browser.close(),
    async kill() {
      const process = browser.process();
      const ended = new Promise((done) => process?.once('exit', done));
      process?.kill('SIGKILL');
      await ended;
      await browser.close().catch(() => undefined);
    },
  };
}

/** The pages of one test, what went wrong in them, and a picture of each at its end. */
export class Tabs {
  /** Errors in consoles, uncaught exceptions, violations of content policies, of all pages. */
  readonly problems: string[] = [];
  readonly engine: Engine;
  readonly #label: string;
  readonly #profiles: Profile[] = [];
  readonly #open = new Set<Tab>();
  #pictures = 0;

  constructor(engine: Engine, label: string) {
    this.engine = engine;
    this.#label = `${engine.name} ${label}`.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 90);
  }

  /** A profile for pages that share what they store. */
  async profile(): Promise<Profile> {
    const profile = await this.engine.profile();
    this.#profiles.push(profile);
    return profile;
  }

  /** A page in a profile of its own, or in that of others. */
  async open(url: string, profile?: Profile): Promise<Tab> {
    const opener = profile ?? (await this.profile());
    for (let tries = 1; ; tries++) {
      try {
        const tab = await opener.open();
        this.#watch(tab as Page);
        await tab.goto(url);
        return tab;
      } catch (error) {
        // Firefox on a busy machine loses a new tab now and then, before it goes anywhere. What a page is answered is never tried again.
        if (tries === 3 || !/no such frame/.test(String(error))) throw error;
      }
    }
  }

  /** Takes the pictures and closes everything. */
  async close(): Promise<void> {
    for (const tab of this.#open) {
      const path = resolve(SCREENSHOTS, `${this.#label}-${++this.#pictures}.png`);
      await tab.screenshot({ path }).catch(() => undefined);
    }
    for (const profile of this.#profiles) await profile.close().catch(() => undefined);
  }

  #watch(tab: Page): void {
    this.#open.add(tab);
    tab.on('close', () => this.#open.delete(tab));
    tab.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(`${tab.url()}: ${message.text()}`);
    });
    tab.on('pageerror', (error) => this.problems.push(`${tab.url()}: uncaught ${error}`));
  }
}
