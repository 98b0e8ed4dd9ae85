/** The test function of these tests: with one server a file, and with what is stopped by itself. */
import { randomUUID } from 'node:crypto';
import { Client, type ClientOptions, type Message } from 'downlink-sdk';
import { test as base } from 'vitest';
import { Page } from './page.ts';
import { type Canned, Recorder } from './recorder.ts';
import { type Fault, Relay } from './relay.ts';
import { API_KEY, Server } from './server.ts';

interface Fixtures {
  /** The file's server. */
  server: Server;
  /** A client of it. */
  client: Client;
  /** A server of the test's own, to kill. */
  ownServer: Server;
  /** Opens a channel as a page does. */
  open: (token: string, url?: string) => Promise<Page>;
  /** Puts a relay before a server. */
  relayTo: (server: Server, ...faults: Fault[]) => Promise<Relay>;
  /** A server that only records. */
  recording: (...answers: Canned[]) => Promise<Recorder>;
  /** Nobody else's client id, so that tests can share a server. */
  id: string;
}

/** A client of a server or of whatever stands in its place. */
export function clientOf({ url }: { readonly url: string }, options: ClientOptions = {}): Client {
  return new Client({ url, apiKey: API_KEY, ...options });
}

/** All that is kept for a client id. */
export async function kept(client: Client, clientId: string, after?: string): Promise<Message[]> {
  const messages = [];
  for await (const page of client.messages(clientId, { after })) messages.push(...page.messages);
  return messages;
}

/** What an iterator gives, to its end. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

export const test = base.extend<Fixtures>({
  server: [
    async ({}, use) => {
      const server = await new Server().start();
      await use(server);
      await server.stop();
    },
    { scope: 'file' },
  ],
  client: async ({ server }, use) => {
    await use(clientOf(server));
  },
  ownServer: async ({}, use) => {
    const server = await new Server().start();
    await use(server);
    await server.stop();
  },
  open: async ({ server }, use) => {
    const pages: Page[] = [];
    await use(async (token, url = server.url) => {
      const page = await Page.open(url, token);
      pages.push(page);
      return page;
    });
    for (const page of pages) page.close();
  },
  relayTo: async ({}, use) => {
    const relays: Relay[] = [];
    await use(async (server, ...faults) => {
      const relay = await Relay.before(server, faults);
      relays.push(relay);
      return relay;
    });
    for (const relay of relays) relay.stop();
  },
  recording: async ({}, use) => {
    const recorders: Recorder[] = [];
    await use(async (...answers) => {
      const recorder = await Recorder.answering(...answers);
      recorders.push(recorder);
      return recorder;
    });
    for (const recorder of recorders) recorder.stop();
  },
  id: async ({}, use) => {
    await use(`client-${randomUUID()}`);
  },
});
