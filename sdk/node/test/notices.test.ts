/** The verifier beyond the conformance cases: every kind of headers, its settings, a handler of `node:http`, and real notices. */
import { NoticeRefused, type NoticeHeaders, readNotice, verifyNotice } from 'downlink-sdk';
import { createHmac } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, vi } from 'vitest';
import { PRESENCE_SECRETS } from './support/server.ts';
import { test } from './support/test.ts';

const [OLD, NEW] = PRESENCE_SECRETS.split(',') as [string, string];
const NOW = new Date('2024-05-01T08:00:00.900Z');
const TIMESTAMP = `${Math.floor(NOW.getTime() / 1000)}`;
const BODY = '{"type":"channel.connected","timestamp":"2024-05-01T08:00:00Z","data":{"client_id":"ada","generation":7}}';
const NOTICE = { id: 'notice_1', time: new Date('2024-05-01T08:00:00Z'), clientId: 'ada', connected: true, generation: 7 };

/** The headers of a notice, as Downlink signs it. */
function signed(body: string | Uint8Array, secret = OLD, timestamp = TIMESTAMP): Record<string, string> {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`notice_1.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': 'notice_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

/** What a notice is refused for. */
function refusal(headers: NoticeHeaders, body: string | Uint8Array, options = {}): string {
  try {
    verifyNotice(headers, body, { secrets: OLD, now: NOW, ...options });
  } catch (failure) {
    if (failure instanceof NoticeRefused) return failure.code;
    throw failure;
  }
  return 'none';
}

describe('headers are looked up in whatever a framework has, without regard to case', () => {
  const headers = signed(BODY);
  const kinds: Record<string, NoticeHeaders> = {
    'as node:http has them': headers,
    'as they were written': Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value])),
    'as fetch has them': new Headers(headers),
    'as lists': Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
  };
  for (const [what, given] of Object.entries(kinds)) {
    test(what, () => {
      expect(verifyNotice(given, Buffer.from(BODY), { secrets: OLD, now: NOW })).toEqual(NOTICE);
      expect(verifyNotice(given, BODY, { secrets: OLD, now: NOW }), 'a body that was decoded').toEqual(NOTICE);
    });
  }

  test('a header that is absent, or undefined', () => {
    expect(refusal({ ...headers, 'webhook-id': undefined }, BODY)).toBe('missing_header');
    expect(refusal(new Headers(), BODY)).toBe('missing_header');
  });
});

describe('secrets', () => {
  test('one, a list, or as the environment has them', () => {
    for (const secrets of [OLD, [OLD], [NEW, OLD], `${NEW},${OLD}`, ` ${NEW} , ${OLD}\n`]) {
      expect(refusal(signed(BODY), BODY, { secrets })).toBe('none');
    }
    expect(refusal(signed(BODY), BODY, { secrets: NEW })).toBe('wrong_signature');
    vi.stubEnv('DOWNLINK_PRESENCE_SECRET', PRESENCE_SECRETS);
    expect(refusal(signed(BODY, NEW), BODY, { secrets: undefined })).toBe('none');
  });

  test('none, or one that is none, is not a matter of the notice', () => {
    vi.stubEnv('DOWNLINK_PRESENCE_SECRET', undefined);
    const empty = 'whsec_';
    for (const secrets of [undefined, '', ',', [], empty, 'whsec_c2hvcnQ=', OLD.slice(1), `${OLD}!`, [OLD, empty]]) {
      expect(() => refusal(signed(BODY), BODY, { secrets })).toThrow(expect.objectContaining({ code: 'invalid_secret' }));
    }
  });
});

test('the time is read in whole seconds, five minutes either way', () => {
  const at = (seconds: number) => refusal(signed(BODY, OLD, `${Number(TIMESTAMP) + seconds}`), BODY);
  expect([-301, -300, 0, 300, 301].map(at)).toEqual(['bad_timestamp', 'none', 'none', 'none', 'bad_timestamp']);
  for (const timestamp of ['+1', '0x10', ' 1', '1 ', 'NaN', '9'.repeat(400)]) {
    expect(refusal(signed(BODY, OLD, timestamp), BODY)).toBe('bad_timestamp');
  }
});

test('a signed notice is believed now only, by the clock of this machine', () => {
  const now = `${Math.floor(Date.now() / 1000)}`;
  expect(verifyNotice(signed(BODY, OLD, now), BODY, { secrets: OLD }).clientId).toBe('ada');
  expect(() => verifyNotice(signed(BODY), BODY, { secrets: OLD })).toThrow('bad_timestamp');
});

describe('a signed body that is no notice', () => {
  const part = (name: string, value: string) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const whole = `${part('from', 'ada')}${part('state', 'connected')}${part('generation', '7')}--b--\r\n`;
  const data = (more: string) => `{"type":"channel.connected","data":{"client_id":"ada",${more}}}`;

  test('a form that is one', () => {
    expect(refusal(signed(whole), whole)).toBe('none');
    const mark = whole.replace('ada', '\ufeffada');
    expect(verifyNotice(signed(mark), mark, { secrets: OLD, now: NOW }).clientId, 'a byte order mark stays').toBe('\ufeffada');
  });

  const bodies: Record<string, string | Uint8Array> = {
    'a form that breaks off': whole.slice(0, -8),
    'a form without its end': whole.replace('--b--\r\n', '--b'),
    'a form of one line': '--b',
    'a form without a boundary': `--\r\n${whole}`,
    'a form with something before it': `\r\n${whole}`,
    'a form without a generation': whole.replace('"generation"', '"other"'),
    'a form with another state': whole.replace('connected', 'asleep'),
    'a form of an empty client id': whole.replace('ada', ''),
    'a form with a generation that is no number': whole.replace('7', '7e3'),
    'a form with a generation that a number cannot hold': whole.replace('7', '9007199254740993'),
    'a form that is not UTF-8': Buffer.from(whole.replace('ada', '\xff'), 'latin1'),
    'a part without a name': whole.replace(' name="state"', ''),
    'JSON that is not UTF-8': Buffer.from(BODY.replace('ada', '\xff'), 'latin1'),
    'JSON that breaks off': BODY.slice(0, -1),
    'JSON without data': '{"type":"channel.connected"}',
    'JSON with a generation as text': data('"generation":"7"'),
    'JSON with a broken generation': data('"generation":1.5'),
    'JSON with a generation below 0': data('"generation":-1'),
    'JSON with space before it': ` ${BODY}`,
    'JSON with a byte order mark before it': `\ufeff${BODY}`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(what, () => expect(refusal(signed(body), body)).toBe('unreadable'));
  }
});

/** A server with one handler. */
async function listening(handler: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer(handler);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}

describe('readNotice, in a handler of node:http', () => {
  /** What the handler made of each request. */
  async function handler() {
    const seen: unknown[] = [];
    const { port, url, stop } = await listening(async (request, response) => {
      try {
        seen.push(await readNotice(request, { secrets: OLD, now: NOW }));
        response.writeHead(204).end();
      } catch (failure) {
        seen.push((failure as NoticeRefused).code);
        response.writeHead(failure instanceof NoticeRefused ? 403 : 500).end();
      }
    });
    return { seen, port, url, stop };
  }

  test('a notice, whole and in pieces', async () => {
    const { seen, url, stop } = await handler();
    const body = BODY.replace('ada', 'žluťoučký 🐎');
    expect((await fetch(url, { method: 'POST', headers: signed(body), body })).status).toBe(204);
    const outgoing = request(url, { method: 'POST', headers: signed(body) });
    for (const byte of Buffer.from(body)) outgoing.write(Buffer.of(byte));
    const status = new Promise((resolve) => outgoing.on('response', (answer) => resolve(answer.resume().statusCode)));
    outgoing.end();
    expect(await status).toBe(204);
    expect(seen).toEqual(Array(2).fill({ ...NOTICE, clientId: 'žluťoučký 🐎' }));
    stop();
  });

  test('a forged one, item 54', async () => {
    const { seen, url, stop } = await handler();
    expect((await fetch(url, { method: 'POST', headers: signed(BODY, NEW), body: BODY })).status).toBe(403);
    expect((await fetch(url, { method: 'POST', body: BODY })).status).toBe(403);
    expect(seen).toEqual(['wrong_signature', 'missing_header']);
    stop();
  });

  test('a body that is too long is not kept, and the connection goes on', async () => {
    const { seen, url, stop } = await handler();
    const body = BODY + ' '.repeat(1024 * 1024);
    expect((await fetch(url, { method: 'POST', headers: signed(body), body })).status).toBe(403);
    expect((await fetch(url, { method: 'POST', headers: signed(BODY), body: BODY })).status).toBe(204);
    expect(seen).toEqual(['unreadable', NOTICE]);
    stop();
  });

  test('a body that breaks off', async () => {
    const { seen, port, stop } = await handler();
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf`, () => socket.destroy());
    await vi.waitFor(() => expect(seen).toEqual(['unreadable']), 10_000);
    stop();
  });

  test('a body that somebody has read before', async () => {
    const seen: unknown[] = [];
    const { url, stop } = await listening(async (request, response) => {
      for await (const _ of request);
      await readNotice(request, { secrets: OLD, now: NOW }).catch((failure) => seen.push(`${failure}`));
      response.end();
    });
    await fetch(url, { method: 'POST', headers: signed(BODY), body: BODY });
    expect(seen).toEqual([expect.stringContaining('before any parser')]);
    stop();
  });
});
