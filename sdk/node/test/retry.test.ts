/** What the client does when the network or the server fails: nothing lost, nothing twice. */
import { type Client, Unavailable } from 'downlink-sdk';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { QUICK } from './support/relay.ts';
import { all, clientOf, kept, test } from './support/test.ts';

for (const fault of QUICK) {
  test.concurrent(`a send that fails twice is stored once: ${fault}`, async ({ server, client, relayTo, id }) => {
    const relay = await relayTo(server, fault, fault);
    const sent = await clientOf(relay).send(id, 'once');
    expect(relay.connections).toBe(3);
    expect(await kept(client, id)).toMatchObject([{ id: sent.id, data: 'once' }]);
  });

  test.concurrent(`channels and reads are tried again too: ${fault}`, async ({ server, relayTo, id }) => {
    const relay = await relayTo(server, fault);
    const again = clientOf(relay);
    expect((await again.createChannel(id)).token).not.toBe('');
    relay.faults.push(fault);
    expect((await again.channel(id)).connected).toBe(false);
    relay.faults.push(fault);
    expect(await kept(again, id)).toEqual([]);
    relay.faults.push(fault);
    expect(await kept(again, '..'), 'also where the path has dots').toEqual([]);
    relay.faults.push(fault);
    await all(again.presence());
  });

  test.concurrent(`a send that is not stored is not tried again once it may have arrived: ${fault}`, async ({ server, relayTo, id }) => {
    const relay = await relayTo(server, fault);
    const once = clientOf(relay);
    await expect(once.send(id, 'now', { ttl: 0 })).rejects.toThrow(Unavailable);
    relay.faults.push(fault);
    await expect(once.sendMany([{ to: id, data: 'later' }, { to: id, data: 'now', ttl: 0 }])).rejects.toThrow(Unavailable);
    expect(relay.connections).toBe(2);
  });
}

test.concurrent('a batch whose answer was lost is stored once', async ({ server, client, relayTo, id }) => {
  const relay = await relayTo(server, 'answer lost', 'answer torn');
  const results = await clientOf(relay).sendMany(['0', '1', '2'].map((data) => ({ to: id, data })));
  expect(results).toHaveLength(3);
  expect((await kept(client, id)).map(({ data }) => data)).toEqual(['0', '1', '2']);
});

describe('after three tries the failure is told', () => {
  test.concurrent('no connection', async ({ server, client, relayTo, id }) => {
    const relay = await relayTo(server, 'cut', 'cut', 'cut');
    const failure = await clientOf(relay).send(id, 'lost').catch((error) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(failure).toMatchObject({ code: 'connection_failed', status: undefined });
    expect(relay.connections).toBe(3);
    expect(await kept(client, id)).toEqual([]);
  });

  test.concurrent('no server', async ({ server, client, relayTo, id }) => {
    const relay = await relayTo(server, 'unavailable', 'unavailable', 'unavailable');
    await expect(clientOf(relay).send(id, 'lost')).rejects.toMatchObject({ code: 'http_503', status: 503 });
    expect(await kept(client, id)).toEqual([]);
  });

  for (const [what, call] of [
    ['fetch', (client: Client) => client.createChannel('ada')],
    ['a path with dots', (client: Client) => all(client.messages('..'))],
  ] as const) {
    test.concurrent(`no answer: ${what}`, async ({ server, relayTo }) => {
      const relay = await relayTo(server, 'silent', 'silent', 'silent');
      await expect(call(clientOf(relay, { timeoutMs: 200 }))).rejects.toThrow('timeout');
      expect(relay.connections).toBe(3);
    });
  }

  test.concurrent('nobody there: told from a lost answer, so it is tried again even for a send that is not stored', async () => {
    const probe = createServer();
    await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
    const { port } = probe.address() as AddressInfo;
    await new Promise((done) => probe.close(done));
    const before_ms = performance.now();
    const nobody = clientOf({ url: `http://127.0.0.1:${port}` });
    await expect(nobody.send('ada', 'x', { ttl: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(performance.now() - before_ms, 'two waits lie between three tries').toBeGreaterThan(399);
    await expect(all(nobody.messages('.'))).rejects.toThrow('ECONNREFUSED');
  });
});

test.concurrent('an answer without an end is given up', async ({ id }) => {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const endless = createServer((socket) => {
    const go = (error?: Error | null) => {
      if (!error) socket.write(chunk, go);
    };
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', go);
  });
  await new Promise<void>((done) => endless.listen(0, '127.0.0.1', done));
  const client = clientOf({ url: `http://127.0.0.1:${(endless.address() as AddressInfo).port}` });
  await expect(client.send(id, 'x', { ttl: 0 })).rejects.toThrow('the answer has no end');
  endless.close();
});
