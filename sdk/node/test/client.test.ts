/** The client against the real server. */
import {
  Client, EmptyMessage, IdempotencyConflict, InvalidApiKey, InvalidClientId, InvalidCursor, InvalidDuration, MessageTooLarge,
} from 'downlink-sdk';
import { expect, vi } from 'vitest';
import { API_KEY } from './support/server.ts';
import { all, clientOf, kept, test } from './support/test.ts';

const MINUTE_MS = 60_000;

const AWKWARD_CLIENT_IDS = [
  '.', '..', '...', 'a/b', '/', 'a/../b', 'a-b@c~d:e', '100%', '%2F', '%2E%2E', 'a&b=c', 'a+b', ' a b ', 'CAPITALS', '?#', "it's (!*)",
  'žluťoučký 🐎', '\u0001', 'é'.repeat(128),
];

test('what is sent arrives in order', async ({ client, open, id }) => {
  const page = await open((await client.createChannel(id)).token);
  const sent = ['one', new Uint8Array([0, 1, 255]), '{"three": "\u2028 <é 🐎>\n"}'];
  for (const data of sent) await client.send(id, data);
  expect(await page.messages(3)).toEqual(sent);
});

test('a channel is good for as long as asked', async ({ client, id }) => {
  const now_ms = Date.now();
  const twoHours = await client.createChannel(id);
  const aMinute = await client.createChannel(id, { durationMinutes: 1 });
  expect(twoHours.clientId).toBe(id);
  expect(twoHours.token).not.toBe(aMinute.token);
  expect(Math.abs(twoHours.expiresAt.getTime() - now_ms - 120 * MINUTE_MS)).toBeLessThan(MINUTE_MS / 2);
  expect(Math.abs(aMinute.expiresAt.getTime() - now_ms - MINUTE_MS)).toBeLessThan(MINUTE_MS / 2);
});

test('what is sent after the channel was created is not missed, what was sent before does not come, item 8', async ({ client, open, id }) => {
  await client.send(id, 'before');
  const { token } = await client.createChannel(id);
  await client.send(id, 'after');
  expect(await (await open(token)).messages(1)).toEqual(['after']);
});

for (const awkward of AWKWARD_CLIENT_IDS) {
  test(`the client id ${JSON.stringify(awkward).slice(0, 30)} works everywhere, item 4`, async ({ client, open }) => {
    const channel = await client.createChannel(awkward);
    expect(channel.clientId).toBe(awkward);
    const page = await open(channel.token);
    expect((await client.send(awkward, 'direct')).sockets).toBe(1);
    await client.sendMany([{ to: awkward, data: 'in a batch' }]);
    expect(await page.messages(2)).toEqual(['direct', 'in a batch']);
    expect((await client.channel(awkward)).connected).toBe(true);
    expect(await all(client.presence())).toContain(awkward);
    expect((await kept(client, awkward)).slice(-2).map(({ data }) => data)).toEqual(['direct', 'in a batch']);
  });
}

test('a token is a target, item 9', async ({ client, open, id }) => {
  const { token } = await client.createChannel(id);
  const page = await open(token);
  await client.send(token, 'by token');
  await client.sendMany([{ to: token, data: 'by token in a batch' }]);
  expect(await page.messages(2)).toEqual(['by token', 'by token in a batch']);
});

test('sending to nobody succeeds', async ({ client, id }) => {
  const sent = await client.send(id, 'is anybody there');
  expect(sent.sockets).toBe(0);
  expect(sent.id).not.toBeNull();
});

test('a message of 32768 bytes fits and one more does not', async ({ client, id }) => {
  await client.send(id, new Uint8Array(32_768));
  await expect(client.send(id, new Uint8Array(32_769))).rejects.toThrow(MessageTooLarge);
  await expect(client.send(id, `${'é'.repeat(16_384)}x`)).rejects.toMatchObject({ code: 'message_too_large', status: 413 });
  expect(await kept(client, id)).toHaveLength(1);
});

for (const bad of ['', 'x'.repeat(257), 'é'.repeat(129)]) {
  test(`a client id of ${Buffer.byteLength(bad)} bytes is refused, item 2`, async ({ client }) => {
    await expect(client.createChannel(bad)).rejects.toThrow(InvalidClientId);
    await expect(client.send(bad, 'x')).rejects.toMatchObject({ code: 'invalid_client_id', status: 400 });
    await expect(client.channel(bad)).rejects.toThrow(InvalidClientId);
    expect(await client.sendMany([{ to: bad, data: 'x' }])).toMatchObject([{ code: 'invalid_client_id' }]);
  });
}

for (const bad of [0, -1, 1441, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`a duration of ${bad} minutes is refused`, async ({ client, id }) => {
    await expect(client.createChannel(id, { durationMinutes: bad })).rejects.toThrow(InvalidDuration);
  });
}

test('an empty message is refused', async ({ client, id }) => {
  await expect(client.send(id, '')).rejects.toThrow(EmptyMessage);
  await expect(client.send(id, new Uint8Array())).rejects.toThrow(EmptyMessage);
});

test('a bad cursor is refused', async ({ client, id }) => {
  await expect(all(client.messages(id, { after: 'not a cursor' }))).rejects.toThrow(InvalidCursor);
});

test('a wrong key is refused, and not told', async ({ server }) => {
  const refusal = await clientOf(server, { apiKey: 'another-key-altogether' }).createChannel('ada').catch((error) => error);
  expect(refusal).toBeInstanceOf(InvalidApiKey);
  expect(refusal.status).toBe(401);
  expect(`${refusal.stack}`).not.toContain('another-key');
});

test('one bad item does not stop the others', async ({ client, id }) => {
  const results = await client.sendMany([
    { to: id, data: 'one' },
    { to: id, data: '' },
    { to: id, data: '\ud800' },
    { to: [id, `${id}-2`], data: new Uint8Array([2]) },
    { to: id, data: 'three' },
  ]);
  expect(results).toMatchObject([
    { sockets: 0 }, { code: 'empty_message' }, { code: 'invalid_utf8' }, { stored: 2, failed: [] }, { sockets: 0 },
  ]);
  expect((await kept(client, id)).map(({ data }) => data)).toEqual(['one', new Uint8Array([2]), 'three']);
  expect((await kept(client, `${id}-2`)).map(({ data }) => data)).toEqual([new Uint8Array([2])]);
});

test('more items than one call takes, from a source that makes them as they are needed', async ({ client, id }) => {
  async function* items() {
    for (let number = 0; number < 10_050; number++) yield { to: `${id}-${number % 50}`, data: `${number}` };
  }
  const results = await client.sendMany(items());
  expect(results).toHaveLength(10_050);
  expect(results.every((result) => 'sockets' in result)).toBe(true);
  const expected = Array.from({ length: 201 }, (_, turn) => `${turn * 50 + 7}`);
  expect((await kept(client, `${id}-7`)).map(({ data }) => data)).toEqual(expected);
});

test('no items make no call', async ({ client }) => {
  expect(await client.sendMany([])).toEqual([]);
});

test('kept messages have places and times', async ({ client, id }) => {
  const ids = [];
  for (const number of [1, 2, 3]) ids.push((await client.send(id, `message ${number}`)).id);
  const messages = await kept(client, id);
  expect(messages.map((message) => message.id)).toEqual(ids);
  for (const { time } of messages) expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(MINUTE_MS / 2);
  const [page] = await all(client.messages(id, { after: ids[1] as string }));
  expect(page).toMatchObject({ messages: [{ id: ids[2] }], gap: null, next: null });
  expect(await kept(client, id, page?.cursor)).toEqual([]);
});

test('a cursor of another life of the log is a gap', async ({ client, id }) => {
  await client.send(id, 'kept');
  const [page] = await all(client.messages(id, { after: 'zzz.1' }));
  expect(page?.gap?.reason).toBe('epoch');
  expect(page?.messages.map(({ data }) => data)).toEqual(['kept']);
});

test('presence follows sockets', async ({ client, open, id }) => {
  expect(await all(client.presence())).not.toContain(id);
  expect((await client.channel(id)).connected).toBe(false);
  const { token } = await client.createChannel(id);
  await open(token);
  await open(token);
  const state = await client.channel(id);
  expect(state).toMatchObject({ connected: true, lag: 0, sockets: [{ acked: null }, { acked: null }] });
  expect((await all(client.presence())).filter((one) => one === id)).toEqual([id]);
});

test('a message for now only is not stored', async ({ client, open, id }) => {
  const page = await open((await client.createChannel(id)).token);
  expect((await client.send(id, 'now or never', { ttl: 0 })).id).toBeNull();
  expect(await page.messages(1)).toEqual(['now or never']);
  expect(await kept(client, id)).toEqual([]);
});

test('an idempotency key stores once', async ({ client, id }) => {
  const first = await client.send(id, 'paid', { idempotencyKey: 'order 7' });
  const again = await client.send(id, 'paid', { idempotencyKey: 'order 7' });
  expect(again.id).toBe(first.id);
  const conflict = await client.send(id, 'not paid', { idempotencyKey: 'order 7' }).catch((error) => error);
  expect(conflict).toBeInstanceOf(IdempotencyConflict);
  expect(conflict.status).toBe(422);
  expect(await kept(client, id)).toHaveLength(1);
});

test('the environment stands in for address and key', async ({ server, id }) => {
  vi.stubEnv('DOWNLINK_URL', `${server.url}/`);
  vi.stubEnv('DOWNLINK_API_KEY', `${API_KEY}\n`);
  expect((await new Client().createChannel(id)).clientId).toBe(id);
  vi.stubEnv('DOWNLINK_URL', '');
  expect(new Client().url).toBe('http://127.0.0.1:7171');
});
