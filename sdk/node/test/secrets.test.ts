/** Tokens and keys stay out of everything that ends up in a log. */
import { type Channel, FailedTarget, signToken, verifyNotice } from 'downlink-sdk';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { API_KEY, PRESENCE_SECRETS } from './support/server.ts';
import { clientOf, test } from './support/test.ts';

/** Everything that a value shows of itself, to the depth that nobody logs. */
function shown(value: any): string {
  const error = value instanceof Error ? [value.message, value.stack, inspect(value.cause)] : [];
  return [
    inspect(value, { depth: 20, showHidden: true }), inspect(value, { customInspect: false, depth: 20 }), JSON.stringify(value), String(value),
    JSON.stringify({ ...value }), Object.keys(value).map((key) => String(value[key])).join(), ...error,
  ].join('\n');
}

test('a channel does not show its token', async ({ client, id }) => {
  const channel: Channel = await client.createChannel(id);
  expect(shown(channel)).not.toContain(channel.token);
  expect(shown([channel])).not.toContain(channel.token);
  expect(shown(channel)).toContain(id);
});

test('a failed target does not show a token', async ({ client, id }) => {
  const { token } = await client.createChannel(id);
  expect(inspect([new FailedTarget(token, 'any')])).not.toContain(token);
  expect(JSON.stringify(new FailedTarget(token, 'any'))).toBe('{"to":"[token]","code":"any"}');
  expect(inspect(new FailedTarget('ada', 'any'))).toContain('ada');
});

test('a client does not show its key', async ({ client }) => {
  expect(shown(client)).not.toContain(API_KEY);
  expect(shown(client)).toContain(client.url);
});

for (const faults of [['cut', 'cut', 'cut'], ['unavailable', 'unavailable', 'unavailable'], ['silent', 'silent', 'silent']] as const) {
  test(`failures do not show token or key: ${faults[0]}`, async ({ server, client, relayTo, id }) => {
    const { token } = await client.createChannel(id);
    const relay = await relayTo(server, ...faults);
    const failing = clientOf(relay, { timeoutMs: 300 });
    const failure = await failing.send(token, 'private words').catch((error) => error);
    expect(failure).toMatchObject({ name: 'Unavailable' });
    for (const secret of [token, API_KEY, 'private words']) expect(shown(failure)).not.toContain(secret);
  });
}

test('an answer that is not Downlink’s is not quoted', async ({ recording }) => {
  const failure = await clientOf(await recording([201, { token: 'the-token-itself' }])).createChannel('ada').catch((error) => error);
  expect(failure).toMatchObject({ code: 'unexpected_answer' });
  expect(shown(failure)).not.toContain('the-token-itself');
});

test('refusals of notices and of token keys do not show secrets', async () => {
  const [secret] = PRESENCE_SECRETS.split(',') as [string];
  const headers = { 'webhook-id': 'n', 'webhook-timestamp': `${Math.floor(Date.now() / 1000)}`, 'webhook-signature': 'v1,x' };
  const attempts = [
    () => verifyNotice(headers, '{}', { secrets: secret }),
    () => verifyNotice(headers, '{}', { secrets: 'whsec_c2hvcnQtc2VjcmV0' }),
    () => verifyNotice(headers, '{}', { secrets: 'a-secret-in-no-form' }),
    () => signToken('ada', { key: 'a-key-too-short' }),
  ];
  for (const attempt of attempts) {
    let failure: unknown;
    try {
      attempt();
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(Error);
    for (const word of [secret, 'c2hvcnQtc2VjcmV0', 'a-secret-in-no-form', 'a-key-too-short']) expect(shown(failure)).not.toContain(word);
  }
});
