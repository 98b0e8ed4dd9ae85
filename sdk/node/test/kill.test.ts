/** `kill -9` of the server: what was answered is there afterwards, and nothing is there twice. */
import { type Client, type Sent, Unavailable } from 'downlink-sdk';
import { expect } from 'vitest';
import { all, clientOf, kept, test } from './support/test.ts';

const PATIENCE_MS = 30_000;

/** Outlives an outage of any length: each call is tried three times, and the calls too. */
async function sendUntilAnswered(client: Client, clientId: string, text: string, idempotencyKey: string): Promise<Sent> {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    try {
      return await client.send(clientId, text, { idempotencyKey });
    } catch (failure) {
      if (!(failure instanceof Unavailable) || Date.now() > deadline) throw failure;
    }
  }
}

test('every answered message is kept', async ({ ownServer, open }) => {
  const client = clientOf(ownServer);
  const [ada, bob] = ['ada', 'bob/é 🐎'];
  const channel = await client.createChannel(ada);
  const texts = Array.from({ length: 20 }, (_, number) => `message ${number}`);
  const answered = [];
  for (const data of [...texts, new Uint8Array([0, 255])]) answered.push((await client.send(ada, data)).id);
  const results = await client.sendMany([{ to: ada, data: 'in a batch' }, { to: [ada, bob], data: 'for both' }]);
  expect(results).toMatchObject([{ sockets: 0 }, { stored: 2, sockets: 0, failed: [] }]);

  await ownServer.kill();
  await ownServer.start();

  const messages = await kept(client, ada);
  expect(messages.slice(0, -2).map(({ id }) => id)).toEqual(answered);
  expect(messages.map(({ data }) => data)).toEqual([...texts, new Uint8Array([0, 255]), 'in a batch', 'for both']);
  expect((await kept(client, bob)).map(({ data }) => data)).toEqual(['for both']);
  // A token and a cursor of before the kill are good after it, and nothing is said to be missing.
  expect(await all(client.messages(ada, { after: channel.cursor }))).toMatchObject([{ gap: null, messages }]);
  expect(await (await open(channel.token, ownServer.url)).messages(messages.length)).toEqual(messages.map(({ data }) => data));
});

test('a program that sends through a kill has every message once and in order', async ({ ownServer }) => {
  const client = clientOf(ownServer);
  const answered: Sent[] = [];
  let back = false;
  let warm = () => {};
  const twenty = new Promise<void>((resolve) => { warm = resolve; });
  const sending = (async () => {
    while (!back) {
      answered.push(await sendUntilAnswered(client, 'ada', `${answered.length}`, `key ${answered.length}`));
      if (answered.length === 20) warm();
    }
  })();
  await Promise.race([twenty, sending]);
  // In the middle of whatever the program is at just now.
  await ownServer.kill();
  await ownServer.start();
  back = true;
  await sending;
  answered.push(await client.send('ada', `${answered.length}`));

  const messages = await kept(client, 'ada');
  expect(messages.map(({ data }) => data)).toEqual(answered.map((_, number) => `${number}`));
  expect(messages.map(({ id }) => id)).toEqual(answered.map(({ id }) => id));
});

for (const texts of [['alone'], ['one of', 'two']]) {
  test(`what was stored but not answered before the kill is stored once: ${texts.length}`, async ({ ownServer, relayTo }) => {
    const relay = await relayTo(ownServer, 'answer lost');
    relay.beforeTheLoss = async () => {
      await ownServer.kill();
      await ownServer.start();
    };
    const client = clientOf(relay, { timeoutMs: PATIENCE_MS });
    const results = texts.length === 1
      ? [await client.send('ada', texts[0] as string)]
      : await client.sendMany(texts.map((data) => ({ to: 'ada', data })));
    expect(relay.connections, 'the first answer was lost, and the client tried again').toBe(2);
    const messages = await kept(client, 'ada');
    expect(messages.map(({ data }) => data)).toEqual(texts);
    expect(messages.map(({ id }) => id)).toEqual(results.map((result) => (result as Sent).id));
  });
}

test('a program that was killed too sends again with its own key', async ({ ownServer }) => {
  const sent = await clientOf(ownServer).send('ada', 'paid', { idempotencyKey: 'order 7' });
  await ownServer.kill();
  await ownServer.start();
  const second = clientOf(ownServer);
  expect((await second.send('ada', 'paid', { idempotencyKey: 'order 7' })).id).toBe(sent.id);
  await expect(second.send('ada', 'not paid', { idempotencyKey: 'order 7' })).rejects.toMatchObject({ status: 422 });
  expect((await kept(second, 'ada')).map(({ data }) => data)).toEqual(['paid']);
});
