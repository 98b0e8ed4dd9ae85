/** Which error an answer becomes, and what it says. */
import * as downlink from 'downlink-sdk';
import { describe, expect, vi } from 'vitest';
import { clientOf, test } from './support/test.ts';

const { Client, DownlinkError, InvalidApiKey, Unavailable } = downlink;

describe('a problem becomes an error by its code', () => {
  for (const [status, code, kind] of [
    [400, 'invalid_client_id', downlink.InvalidClientId],
    [400, 'invalid_duration', downlink.InvalidDuration],
    [400, 'empty_message', downlink.EmptyMessage],
    [413, 'message_too_large', downlink.MessageTooLarge],
    [400, 'invalid_utf8', downlink.InvalidUtf8],
    [400, 'invalid_cursor', downlink.InvalidCursor],
    [401, 'invalid_api_key', InvalidApiKey],
    [422, 'some_conflict', downlink.IdempotencyConflict],
    [429, 'too_many', Unavailable],
    [503, 'outcome_unknown', Unavailable],
    [507, 'disk_full', Unavailable],
    [418, 'news_to_us', DownlinkError],
  ] as const) {
    test(`${status} ${code}`, async ({ recording }) => {
      const recorder = await recording([status, { type: 'about:blank', status, code, detail: 'Do this.' }]);
      // A TTL of 0, so that nothing is tried again.
      const error = await clientOf(recorder).send('ada', 'hello', { ttl: 0 }).catch((error) => error);
      expect(error.constructor).toBe(kind);
      expect(error).toMatchObject({ name: kind.name, code, status, detail: 'Do this.', message: `${code}: Do this.` });
      expect(error).toBeInstanceOf(DownlinkError);
      expect(error).toBeInstanceOf(Error);
    });
  }
});

describe('an answer of something else is told by its status', () => {
  for (const [status, body, kind] of [
    [502, '<html>Bad Gateway</html>', Unavailable], [401, '', InvalidApiKey], [404, '[1]', DownlinkError], [404, '{"code":7}', DownlinkError],
  ] as const) {
    test(`${status} ${body}`, async ({ recording }) => {
      const error = await clientOf(await recording([status, Buffer.from(body)])).send('ada', 'x', { ttl: 0 }).catch((error) => error);
      expect(error.constructor).toBe(kind);
      expect(error.code).toBe(`http_${status}`);
    });
  }
});

describe('a success that is not Downlink’s is an error', () => {
  for (const body of ['', 'null', '[]', '{}', '{"id":"k3f.1"}', '{"id":7,"sockets":1}', '<html>']) {
    test(`send: ${body}`, async ({ recording }) => {
      const error = await clientOf(await recording([200, Buffer.from(body)])).send('ada', 'hello').catch((error) => error);
      expect(error).toMatchObject({ code: 'unexpected_answer', status: 200 });
      expect(error.cause).toBeUndefined();
    });
  }

  test('a channel that never ends', async ({ recording }) => {
    const channel = { client_id: 'ada', token: 'a.b.c', expires_at: 'tomorrow', cursor: 'k3f.1' };
    await expect(clientOf(await recording([201, channel])).createChannel('ada')).rejects.toThrow('unexpected_answer');
  });

  test('client ids that are none', async ({ recording }) => {
    const client = clientOf(await recording([200, { client_ids: [7], next: null }]));
    await expect(client.presence().next()).rejects.toThrow('unexpected_answer');
  });

  test('too few results', async ({ recording }) => {
    await expect(clientOf(await recording([200, []])).sendMany([{ to: 'ada', data: 'x' }])).rejects.toThrow('unexpected_answer');
  });
});

describe('an address that cannot be one is refused at once', () => {
  for (const url of [
    '', '127.0.0.1:7171', 'ftp://downlink.test', 'http://', 'http:downlink.test', 'http://downlink.test:port', 'http://downlink.test/?a=b',
    'http://downlink.test?', 'http://ada:secret-word@downlink.test',
  ]) {
    test(`"${url}"`, () => {
      const make = () => new Client({ url, apiKey: 'the-key-for-tests' });
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_url' }));
      expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret-word') }));
    });
  }
});

describe('a key that cannot be one is refused at once', () => {
  for (const apiKey of ['', '  ', 'secret word', 'secret\nword', 'sécret-word']) {
    test(JSON.stringify(apiKey), () => {
      vi.stubEnv('DOWNLINK_API_KEY', undefined);
      const make = () => new Client({ url: 'http://downlink.test', apiKey });
      expect(make).toThrow(InvalidApiKey);
      expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining('word') }));
    });
  }

  test('none at all', () => {
    vi.stubEnv('DOWNLINK_API_KEY', undefined);
    expect(() => new Client()).toThrow(InvalidApiKey);
  });
});

test('what cannot be sent is refused without a request', async ({ recording }) => {
  const recorder = await recording([500]);
  const client = clientOf(recorder);
  const anything = (value: unknown) => value as string;
  await expect(client.send('\ud800', 'x')).rejects.toThrow(downlink.InvalidClientId);
  await expect(client.send(anything(undefined), 'x')).rejects.toThrow(downlink.InvalidClientId);
  await expect(client.createChannel('\ud800')).rejects.toThrow(downlink.InvalidClientId);
  await expect(client.messages(anything(7)).next()).rejects.toThrow(downlink.InvalidClientId);
  await expect(client.deleteChannel(anything(null))).rejects.toThrow(downlink.InvalidClientId);
  await expect(client.send('ada', '\ud800')).rejects.toThrow(downlink.InvalidUtf8);
  for (const idempotencyKey of ['', 'a\nb', 'é']) {
    await expect(client.send('ada', 'x', { idempotencyKey })).rejects.toMatchObject({ code: 'invalid_idempotency_key' });
  }
  for (const ttl of [-1, 1.5, Number.NaN, anything('5\r\nX-More: 1') as unknown as number]) {
    await expect(client.send('ada', 'x', { ttl })).rejects.toMatchObject({ code: 'invalid_ttl' });
  }
  for (const data of [7, null, undefined, ['x'], new ArrayBuffer(1)]) {
    await expect(client.send('ada', anything(data))).rejects.toThrow(TypeError);
    await expect(client.sendMany([{ to: 'ada', data: anything(data) }])).rejects.toThrow(TypeError);
  }
  expect(recorder.requests).toEqual([]);
});
