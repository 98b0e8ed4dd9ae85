/** Notices that the real server sends, as an application with this package sees them. */
import { type Notice, NoticeRefused, readNotice } from 'downlink-sdk';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, vi } from 'vitest';
import { Page } from './support/page.ts';
import { PRESENCE_SECRETS, Server } from './support/server.ts';
import { clientOf, test as base } from './support/test.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };

/** An application that notes who comes and goes, and what it refused. */
class Noting {
  readonly notices: (Notice & { path: string })[] = [];
  readonly refused: string[] = [];
  /** How many notices it still answers with an error before it takes one. */
  failing = 0;
  url = '';
  readonly #server = createServer(async (request, response) => {
    try {
      const notice = await readNotice(request);
      if (this.failing > 0) {
        this.failing -= 1;
        response.writeHead(500).end();
        return;
      }
      this.notices.push({ ...notice, path: request.url ?? '' });
      response.writeHead(204).end();
    } catch (failure) {
      this.refused.push(failure instanceof NoticeRefused ? failure.code : `${failure}`);
      response.writeHead(403).end();
    }
  });

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** Until so many notices of a client id were taken. */
  async until(clientId: string, count: number): Promise<Notice[]> {
    const those = () => this.notices.filter((notice) => notice.clientId === clientId);
    await vi.waitFor(() => expect(those().length).toBeGreaterThanOrEqual(count), PATIENCE);
    return those();
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const test = base.extend<{ app: Noting; start: (environment?: Record<string, string>) => Promise<Server> }>({
  app: async ({}, use) => {
    vi.stubEnv('DOWNLINK_PRESENCE_SECRET', PRESENCE_SECRETS);
    const app = await new Noting().start();
    await use(app);
    app.stop();
  },
  start: async ({ app }, use) => {
    const servers: Server[] = [];
    await use(async (environment) => {
      const server = await new Server(environment ? { environment } : { app: app.url }).start();
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.stop();
  },
});

describe.concurrent('notices of the real server', () => {
  test('one for the first socket, one for the last one’s end, with rising generations, item 54', async ({ app, start }) => {
    const server = await start();
    const clientId = 'žluťoučký 🐎/"a" & b\r\nc';
    const { token } = await clientOf(server).createChannel(clientId);
    const pages = [await Page.open(server.url, token), await Page.open(server.url, token)];
    await app.until(clientId, 1);
    for (const page of pages) page.close();
    const [came, gone, ...more] = await app.until(clientId, 2);
    expect(came).toMatchObject({ clientId, connected: true, path: '/_ah/channel/connected/' });
    expect(gone).toMatchObject({ clientId, connected: false, path: '/_ah/channel/disconnected/' });
    expect(gone?.generation).toBeGreaterThan(came?.generation ?? Number.NaN);
    expect(gone?.id).not.toBe(came?.id);
    expect(Math.abs((gone?.time.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect([more, app.refused]).toEqual([[], []]);
  });

  test('in the format of today', async ({ app, start }) => {
    const server = await start({ DOWNLINK_PRESENCE_URL: `${app.url}/hooks`, DOWNLINK_PRESENCE_FORMAT: 'standard' });
    const { token } = await clientOf(server).createChannel('ada');
    const page = await Page.open(server.url, token);
    await app.until('ada', 1);
    page.close();
    const notices = await app.until('ada', 2);
    expect(notices).toMatchObject([{ connected: true, path: '/hooks' }, { connected: false, path: '/hooks' }]);
    expect(app.refused).toEqual([]);
  });

  test('a send in answer to a notice reaches the client that has come, item 38', async ({ app, start }) => {
    const server = await start();
    const client = clientOf(server);
    const page = await Page.open(server.url, (await client.createChannel('ada')).token);
    const [{ clientId }] = await app.until('ada', 1) as [Notice];
    await client.send(clientId, 'welcome');
    expect(await page.messages(1)).toEqual(['welcome']);
    page.close();
  });

  test('one that was answered with an error comes again, and is believed again', async ({ app, start }) => {
    app.failing = 2;
    const server = await start();
    const page = await Page.open(server.url, (await clientOf(server).createChannel('ada')).token);
    expect((await app.until('ada', 1))[0]).toMatchObject({ connected: true });
    expect(app.failing).toBe(0);
    page.close();
  });

  test('what comes from outside is refused: by Downlink, and by the application, item 54', async ({ app, start }) => {
    const server = await start();
    const forged = () => ({ method: 'POST', body: new URLSearchParams({ from: 'ada' }) });
    expect((await fetch(`${server.url}/_ah/channel/connected/`, forged())).status).toBe(403);
    expect(app.refused, 'it did not even come to the application').toEqual([]);
    expect((await fetch(`${app.url}/_ah/channel/connected/`, forged())).status).toBe(403);
    expect(app.refused).toEqual(['missing_header']);
    expect(app.notices).toEqual([]);
  });
});
