/** What each call puts on the wire. */
import { FailedTarget } from 'downlink-sdk';
import { expect } from 'vitest';
import { all, clientOf, test } from './support/test.ts';

const SENT = [201, { id: 'k3f.7', sockets: 2 }] as const;
const PAGE = [200, { messages: [], cursor: 'k3f.9', gap: null, next: null }] as const;

test('every request bears key and agent', async ({ recording }) => {
  const recorder = await recording(SENT);
  await clientOf(recorder, { apiKey: 'the-key-for-tests' }).send('ada', 'hello');
  const { headers } = recorder.only;
  expect(headers['authorization']).toBe('Bearer the-key-for-tests');
  expect(headers['user-agent']).toMatch(/^downlink-node\/\d+\.\d+\.\d+ node\/\d+\./);
  expect(headers['accept']).toBe('application/json');
});

test('createChannel names the client id in its body', async ({ recording }) => {
  const answer = {
    client_id: 'ada', token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln', expires_at: '2026-11-24T06:30:00.123456789Z', cursor: 'k3f.6',
  };
  const recorder = await recording([201, answer]);
  const client = clientOf(recorder);
  const channel = await client.createChannel('ada');
  await client.createChannel('é/..', { durationMinutes: 15 });
  const [first, second] = recorder.requests;
  expect([first?.method, first?.target, first?.headers['content-type']]).toEqual(['POST', '/v1/channels', 'application/json']);
  expect(JSON.parse(`${first?.body}`)).toEqual({ client_id: 'ada' });
  expect(JSON.parse(`${second?.body}`)).toEqual({ client_id: 'é/..', duration_minutes: 15 });
  expect(channel.expiresAt.toISOString()).toBe('2026-11-24T06:30:00.123Z');
  expect([channel.cursor, channel.token]).toEqual(['k3f.6', answer.token]);
});

for (const [to, encoded] of [
  ['ada', 'ada'], ['.', '.'], ['..', '..'], ['a/b?c#d&e=f+g %', 'a%2Fb%3Fc%23d%26e%3Df%2Bg%20%25'], ['é', '%C3%A9'], ['%2F', '%252F'],
]) {
  test(`send puts the client id ${to} into the query`, async ({ recording }) => {
    const recorder = await recording(SENT);
    expect(await clientOf(recorder).send(to as string, 'hello')).toEqual({ id: 'k3f.7', sockets: 2 });
    expect([recorder.only.method, recorder.only.target]).toEqual(['POST', `/v1/messages?to=${encoded}`]);
  });
}

test('text and bytes differ in their type', async ({ recording }) => {
  const recorder = await recording(SENT);
  const client = clientOf(recorder);
  await client.send('ada', 'héllo');
  await client.send('ada', Buffer.from('..\x00\xff..', 'latin1').subarray(2, 4));
  const [text, binary] = recorder.requests;
  expect(text?.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(text?.body).toEqual(Buffer.from('héllo'));
  expect(binary?.headers['content-type']).toBe('application/octet-stream');
  expect(binary?.body).toEqual(Buffer.from([0, 255]));
});

test('a send bears a fresh key unless it is given one', async ({ recording }) => {
  const recorder = await recording(SENT);
  const client = clientOf(recorder);
  await client.send('ada', 'hello');
  await client.send('ada', 'hello');
  await client.send('ada', 'hello', { idempotencyKey: 'order 7', ttl: 30 });
  const [first, second, third] = recorder.requests.map(({ headers }) => headers['idempotency-key']);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(second).not.toBe(first);
  expect(third).toBe('order 7');
  expect(recorder.requests[0]?.headers['downlink-ttl']).toBeUndefined();
  expect(recorder.requests[2]?.headers['downlink-ttl']).toBe('30');
});

test('a send that is not stored has no id', async ({ recording }) => {
  expect(await clientOf(await recording([202, { sockets: 3 }])).send('ada', 'x', { ttl: 0 })).toEqual({ id: null, sockets: 3 });
});

test('a prefix of the address is kept', async ({ recording }) => {
  const recorder = await recording(SENT, PAGE);
  const client = clientOf({ url: `${recorder.url}/downlink//` });
  await client.send('ada', 'hello');
  await all(client.messages('..'));
  expect(recorder.requests.map(({ target }) => target)).toEqual([
    '/downlink/v1/messages?to=ada', '/downlink/v1/channels/%2E%2E/messages',
  ]);
});

test('items travel as one array, each with its key', async ({ recording }) => {
  const recorder = await recording([200, [
    { id: 'k3f.8', sockets: 1 },
    { id: 'k3f.9', stored: 1, sockets: 0, failed: [{ to: '', code: 'invalid_client_id' }] },
    { code: 'empty_message', detail: 'Send at least one byte.' },
  ]]);
  const results = await clientOf(recorder).sendMany([
    { to: 'ada', data: 'hello', ttl: 5, idempotencyKey: 'mine' },
    { to: ['bob', ''], data: new Uint8Array([1, 2]) },
    { to: 'eve', data: '' },
  ]);
  expect(results).toEqual([
    { id: 'k3f.8', sockets: 1 },
    { id: 'k3f.9', stored: 1, sockets: 0, failed: [new FailedTarget('', 'invalid_client_id')] },
    { code: 'empty_message', detail: 'Send at least one byte.' },
  ]);
  const { method, target, headers, body } = recorder.only;
  expect([method, target, headers['content-type']]).toEqual(['POST', '/v1/messages', 'application/json']);
  const [first, second, third] = JSON.parse(`${body}`);
  expect(first).toEqual({ to: 'ada', data: 'hello', ttl: 5, idempotency_key: 'mine' });
  expect([second.to, second.base64]).toEqual([['bob', ''], 'AQI=']);
  expect(second.idempotency_key).not.toBe(third.idempotency_key);
});

const SENT_ITEM = { id: 'k3f.8', sockets: 1 };
const MIB = 1024 * 1024;

test('items are split by their number', async ({ recording }) => {
  const recorder = await recording([200, Array(10_000).fill(SENT_ITEM)], [200, Array(5).fill(SENT_ITEM)]);
  const results = await clientOf(recorder).sendMany(Array(10_005).fill({ to: 'ada', data: 'x' }));
  expect(results).toHaveLength(10_005);
  expect(recorder.requests.map(({ body }) => JSON.parse(`${body}`).length)).toEqual([10_000, 5]);
});

test('items are split by their bytes, and each call is within the limit', async ({ recording }) => {
  const recorder = await recording([200, Array(15).fill(SENT_ITEM)], [200, Array(5).fill(SENT_ITEM)]);
  await clientOf(recorder).sendMany(Array(20).fill({ to: 'ada', data: 'é'.repeat(MIB / 2) }));
  expect(recorder.requests.map(({ body }) => JSON.parse(`${body}`).length)).toEqual([15, 5]);
  for (const { body } of recorder.requests) expect(body.byteLength).toBeLessThanOrEqual(16 * MIB);
});

test('a failure after the first call is the result of each item that is left', async ({ recording }) => {
  const problem = { code: 'body_too_large', detail: 'Send less.' };
  const recorder = await recording([200, Array(10_000).fill(SENT_ITEM)], [413, problem]);
  const results = await clientOf(recorder).sendMany(Array(20_005).fill({ to: 'ada', data: 'x' }));
  expect(results).toHaveLength(20_005);
  expect(results.slice(0, 10_000)).toEqual(Array(10_000).fill(SENT_ITEM));
  expect(results.slice(10_000)).toEqual(Array(10_005).fill(problem));
  expect(recorder.requests, 'nothing is sent after a failure').toHaveLength(2);
});

test('channel asks by the query and reads times of any zone', async ({ recording }) => {
  const socket = { transport: 'sse', address: '127.0.0.1', since: '2026-11-24T05:30:01Z', cursor: 'k3f.8', acked: 'k3f.6' };
  const state = { connected: true, since: '2026-11-24T06:30:00+01:00', sockets: [socket], cursor: 'k3f.9', acked: null, lag: 3 };
  const recorder = await recording([200, state]);
  const seen = await clientOf(recorder).channel('a/..');
  expect(recorder.only.target).toBe('/v1/channels?client_id=a%2F..');
  expect(seen).toEqual({
    ...state, since: new Date('2026-11-24T05:30:00Z'), sockets: [{ ...socket, since: new Date('2026-11-24T05:30:01Z') }],
  });
});

test('deleteChannel asks by the query, and takes an answer of nothing', async ({ recording }) => {
  const recorder = await recording([204]);
  expect(await clientOf(recorder).deleteChannel('a/..')).toBeUndefined();
  expect([recorder.only.method, recorder.only.target]).toEqual(['DELETE', '/v1/channels?client_id=a%2F..']);
  expect(recorder.only.body.byteLength).toBe(0);
});

test('messages follow the pages', async ({ recording }) => {
  const recorder = await recording([200, {
    messages: [{ id: 'k3f.8', base64: 'AAEC', time: '2026-11-24T06:30:00Z' }],
    cursor: 'k3f.8', gap: { reason: 'trimmed', cursor: 'k3f.7' }, next: 'k3f.8',
  }], PAGE);
  const pages = await all(clientOf(recorder).messages('ada', { after: 'k3f.2' }));
  expect(recorder.requests.map(({ target }) => target)).toEqual([
    '/v1/channels/ada/messages?after=k3f.2', '/v1/channels/ada/messages?after=k3f.8',
  ]);
  expect(pages[0]?.gap).toEqual({ reason: 'trimmed', cursor: 'k3f.7' });
  expect(pages[0]?.messages[0]?.data).toEqual(new Uint8Array([0, 1, 2]));
  expect(pages[1]?.cursor).toBe('k3f.9');
});

test('the path of messages carries any client id', async ({ recording }) => {
  const recorder = await recording(PAGE);
  const client = clientOf(recorder);
  const segments = {
    'a/b': 'a%2Fb', '/': '%2F', '.': '%2E', '..': '%2E%2E', '...': '...', '100%': '100%25', '%2E': '%252E', 'é ?#': '%C3%A9%20%3F%23',
  };
  for (const clientId of Object.keys(segments)) await all(client.messages(clientId));
  expect(recorder.requests.map(({ target }) => target)).toEqual(Object.values(segments).map((one) => `/v1/channels/${one}/messages`));
  expect(new Set(recorder.requests.map(({ headers }) => headers['authorization'])).size, 'each bears the key').toBe(1);
});

test('presence follows the pages', async ({ recording }) => {
  const recorder = await recording([200, { client_ids: ['a b', 'c&d'], next: 'c&d' }], [200, { client_ids: ['e'], next: null }]);
  expect(await all(clientOf(recorder).presence())).toEqual(['a b', 'c&d', 'e']);
  expect(recorder.requests.map(({ target }) => target)).toEqual(['/v1/presence?limit=1000', '/v1/presence?limit=1000&after=c%26d']);
});

test('no redirect is followed: it would carry the key to wherever it points', async ({ recording }) => {
  const elsewhere = await recording(PAGE);
  const recorder = await recording([302, undefined, { Location: elsewhere.url }]);
  for (const clientId of ['ada', '..']) {
    await expect(all(clientOf(recorder).messages(clientId))).rejects.toMatchObject({ code: 'http_302', status: 302 });
  }
  expect(elsewhere.requests).toEqual([]);
});
