/** The conformance cases that are the SDKs' to run, against the real server where there is one to ask. */
import { Client, DownlinkError, NoticeRefused, signToken, verifyNotice } from 'downlink-sdk';
import { createHmac } from 'node:crypto';
import { describe, expect } from 'vitest';
import { signTokenNamed } from '../src/tokens.js';
import { dataOf, readCases } from './support/conformance.ts';
import { API_KEY } from './support/server.ts';
import { all, kept, test } from './support/test.ts';

interface Mistake {
  readonly call?: Readonly<Record<string, Record<string, any>>>;
  readonly request: { readonly key: 'good' | 'wrong' };
  readonly code: string;
  readonly status: number;
}

/** Makes one call to its end, as a conformance case words it. */
async function makeCall(client: Client, name: string, given: Record<string, any>): Promise<unknown> {
  switch (name) {
    case 'create_channel': return client.createChannel(given['client_id'], { durationMinutes: given['duration_minutes'] });
    case 'send': return client.send(given['to'], dataOf(given));
    case 'messages': return all(client.messages(given['client_id'], { after: given['after'] }));
    case 'presence': return all(client.presence());
    default: throw new Error(`the cases know a call ${name} that this test does not`);
  }
}

/** What a promise or a function fails with. */
async function failureOf(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (failure) {
    return failure;
  }
  throw new Error('it did not fail');
}

describe('errors', () => {
  // A mistake that only raw HTTP can make has no `call`.
  for (const { name, call, request, code, status } of readCases<Mistake>('errors')) {
    if (!call) continue;
    test(name, async ({ server }) => {
      const client = new Client({ url: server.url, apiKey: request.key === 'good' ? API_KEY : 'not-the-key' });
      const [[method, given] = []] = Object.entries(call);
      const failure = await failureOf(() => makeCall(client, method as string, given as object));
      expect(failure).toBeInstanceOf(DownlinkError);
      expect(failure).toMatchObject({ code, status });
      expect((failure as DownlinkError).detail).not.toBe('');
    });
  }
});

describe('sends', () => {
  for (const given of readCases<{ to: string; text?: string; base64?: string }>('sends')) {
    test(given.name, async ({ client, open }) => {
      const data = dataOf(given);
      const channel = await client.createChannel(given.to);
      expect(channel.clientId).toBe(given.to);
      const page = await open(channel.token);
      const sent = await client.send(given.to, data);
      const [inABatch] = await client.sendMany([{ to: given.to, data }]);
      expect(await page.messages(2)).toEqual([data, data]);
      const messages = await kept(client, given.to, channel.cursor);
      expect(messages.map(({ data }) => data)).toEqual([data, data]);
      expect(messages.map(({ id }) => id)).toEqual([sent.id, (inABatch as typeof sent).id]);
    });
  }
});

interface NoticeCase {
  readonly secrets: readonly string[];
  readonly now: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly notice?: { id: string; time: number; client_id: string; connected: boolean; generation: number };
  readonly refused?: string;
}

describe('notices, item 54', () => {
  for (const { name, secrets, now, headers, body, notice, refused } of readCases<NoticeCase>('notices')) {
    test(name, async () => {
      const verify = () => verifyNotice(headers, Buffer.from(body), { secrets, now: new Date(now * 1000) });
      if (refused !== undefined) {
        const failure = await failureOf(verify);
        expect(failure).toBeInstanceOf(NoticeRefused);
        expect(failure).toMatchObject({ code: refused });
        return;
      }
      const { time, clientId, ...rest } = verify();
      expect({ time: time.getTime() / 1000, client_id: clientId, ...rest }).toEqual(notice);
    });
  }
});

interface TokenCase {
  readonly key: string;
  readonly key_id?: string;
  readonly client_id: string;
  readonly duration_minutes?: number;
  readonly now: number;
  readonly jti: string;
  readonly header?: object;
  readonly claims?: object;
  readonly refused?: string;
}

describe('tokens', () => {
  for (const given of readCases<TokenCase>('tokens')) {
    test(given.name, async () => {
      const { key, key_id: keyId, client_id: clientId, duration_minutes: durationMinutes } = given;
      const options = { key, keyId, durationMinutes, now: new Date(given.now * 1000) };
      if (given.refused !== undefined) {
        expect(await failureOf(() => signToken(clientId, options))).toMatchObject({ code: given.refused });
        return;
      }
      const [header, claims, signature] = (signTokenNamed(given.jti, clientId, options)).split('.') as [string, string, string];
      const values = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
      expect(values(header)).toEqual(given.header);
      expect(values(claims)).toEqual(given.claims);
      expect(signature).toBe(createHmac('sha256', key).update(`${header}.${claims}`).digest('base64url'));
    });
  }
});
