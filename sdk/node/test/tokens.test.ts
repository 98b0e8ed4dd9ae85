/** Tokens made without a call, at the real server. */
import { signToken } from 'downlink-sdk';
import { expect, vi } from 'vitest';
import { Page } from './support/page.ts';
import { TOKEN_KEY } from './support/server.ts';
import { test } from './support/test.ts';

test('a token made offline opens a real socket, and messages come', async ({ client, open, id }) => {
  vi.stubEnv('DOWNLINK_TOKEN_KEY', TOKEN_KEY);
  for (const clientId of [id, `${id}/..?é 🐎`]) {
    const page = await open(signToken(clientId));
    await client.send(clientId, 'hello');
    expect(await page.messages(1)).toEqual(['hello']);
    expect((await client.channel(clientId)).connected).toBe(true);
  }
});

test('it is a target like any other, item 9', async ({ client, open, id }) => {
  const token = signToken(id, { key: TOKEN_KEY });
  const page = await open(token);
  await client.send(token, 'by token');
  expect(await page.messages(1)).toEqual(['by token']);
});

test('two of them differ, and both open', async ({ open, id }) => {
  const tokens = [signToken(id, { key: TOKEN_KEY }), signToken(id, { key: TOKEN_KEY })];
  expect(new Set(tokens).size).toBe(2);
  for (const token of tokens) await open(token);
});

test('a token of another key is refused, item 16', async ({ server, id }) => {
  const forged = signToken(id, { key: `${TOKEN_KEY}!` });
  await expect(Page.open(server.url, forged)).rejects.toThrow('not opened: 401');
});

test('a token whose time is over is refused', async ({ server, id }) => {
  const old = signToken(id, { key: TOKEN_KEY, durationMinutes: 1, now: new Date(Date.now() - 61_000) });
  await expect(Page.open(server.url, old)).rejects.toThrow('not opened: 401');
});

test('a key is demanded, and no default stands in for it', () => {
  vi.stubEnv('DOWNLINK_TOKEN_KEY', undefined);
  expect(() => signToken('ada')).toThrow(expect.objectContaining({ code: 'invalid_key' }));
  expect(() => signToken('ada', { key: 'é'.repeat(15) })).toThrow(expect.objectContaining({ code: 'invalid_key' }));
  expect(signToken('ada', { key: 'é'.repeat(16) })).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
});

test('a lone surrogate is no client id', () => {
  expect(() => signToken('\ud800', { key: TOKEN_KEY })).toThrow(expect.objectContaining({ code: 'invalid_client_id' }));
});
