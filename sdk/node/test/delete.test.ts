/** Deleting a channel, at the real server. */
import { expect } from 'vitest';
import { Page } from './support/page.ts';
import { clientOf, kept, test } from './support/test.ts';

for (const clientId of ['ada', '..', 'a/b', 'žluťoučký 🐎']) {
  test(`a deleted channel is as if it had never been: ${clientId}`, async ({ server, client, open }) => {
    const before = await client.createChannel(clientId);
    const page = await open(before.token);
    await client.send(clientId, 'before');
    expect(await page.messages(1)).toEqual(['before']);

    expect(await client.deleteChannel(clientId)).toBeUndefined();

    expect(await page.frame(), 'open sockets are told').toMatchObject({ type: 'close', code: 4410 });
    await expect(Page.open(server.url, before.token), 'earlier tokens are refused').rejects.toThrow('not opened');
    expect(await kept(client, clientId), 'what was kept is unreadable').toEqual([]);
    expect((await client.channel(clientId)).connected).toBe(false);

    const after = await client.createChannel(clientId);
    const again = await open(after.token);
    await client.send(clientId, 'after');
    expect(await again.messages(1)).toEqual(['after']);
    expect((await kept(client, clientId)).map(({ data }) => data)).toEqual(['after']);
  });
}

test('what nobody ever opened can be deleted, twice', async ({ client, id }) => {
  await client.deleteChannel(id);
  await client.deleteChannel(id);
});

test('a client id that is none is refused', async ({ client }) => {
  await expect(client.deleteChannel('')).rejects.toMatchObject({ code: 'invalid_client_id', status: 400 });
});

test('it is tried again like any other call', async ({ server, client, relayTo, id }) => {
  await client.send(id, 'before');
  const relay = await relayTo(server, 'answer lost', 'unavailable');
  await clientOf(relay).deleteChannel(id);
  expect(relay.connections).toBe(3);
  expect(await kept(client, id)).toEqual([]);
});
