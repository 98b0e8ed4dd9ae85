/** The test function of these tests: with a Chromium, and with an application behind a server where one is wanted. */
import { test as base } from 'vitest';
import { type Browser, chromium } from 'playwright-core';
import { Application, type TestPage } from './application.ts';
import { FLAGS } from './engines.ts';
import { Pages } from './pages.ts';
import { CHROMIUM } from './places.ts';
import { Server, type ServerOptions } from './server.ts';

export { FLAGS };

/** A server and the application behind it. */
export class World {
  readonly app: Application;
  readonly server: Server;
  #paths = 0;

  constructor(options: ServerOptions, app: Application) {
    this.app = app;
    this.server = new Server({ ...options, app: app.url });
  }

  static async start(options: ServerOptions = {}): Promise<World> {
    const world = new World(options, await new Application().start());
    await world.server.start();
    return world;
  }

  get api() {
    return this.server.api;
  }

  /** Puts a page into the application and returns its path. */
  put(page: TestPage): string {
    const path = `/page-${++this.#paths}`;
    this.app.answer(path, () => page);
    return path;
  }

  /** A page that opens a channel as the old documentation shows; returns its whole address. */
  classic(token: string, more = ''): string {
    const script = `var channel = new goog.appengine.Channel(${JSON.stringify(token)});
      var socket = channel.open(); attach(socket, "a"); ${more}`;
    return this.server.url + this.put({ script });
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.app.stop();
  }
}

let ids = 0;

/** A client id that nothing else uses. */
export const freshId = () => `client ${++ids}/${Math.random().toString(36).slice(2)}`;

interface Fixtures {
  browser: Browser;
  world: World;
  demo: Server;
  /** Starts another server with an application, for tests that kill it. */
  start: (options?: ServerOptions) => Promise<World>;
  /** Starts another server with the demo pages. */
  startDemo: () => Promise<Server>;
  pages: Pages;
  id: string;
}

/** A test with a profile of its own in its worker's browser, before the file's server: `world` has test pages, `demo` its own. */
export const test = base.extend<Fixtures>({
  browser: [
    async ({}, use) => {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
      await use(browser);
      await browser.close();
    },
    { scope: 'worker' },
  ],
  world: [
    async ({}, use) => {
      const world = await World.start();
      await use(world);
      await world.stop();
    },
    { scope: 'file' },
  ],
  demo: [
    async ({}, use) => {
      const server = await new Server().start();
      await use(server);
      await server.stop();
    },
    { scope: 'file' },
  ],
  start: async ({}, use) => {
    const started: World[] = [];
    await use(async (options) => {
      const world = await World.start(options);
      started.push(world);
      return world;
    });
    for (const world of started) await world.stop();
  },
  startDemo: async ({}, use) => {
    const started: Server[] = [];
    await use(async () => {
      const server = new Server();
      started.push(server);
      return server.start();
    });
    for (const server of started) await server.stop();
  },
  pages: async ({ browser, task }, use) => {
    const file = task.file.name.replace(/^.*\/|\.test\.ts$/g, '');
    const pages = new Pages(browser, `${file} ${task.name}`);
    await use(pages);
    await pages.close();
  },
  id: async ({}, use) => {
    await use(freshId());
  },
});
