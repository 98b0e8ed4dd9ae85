/** Ports for programs that cannot choose one themselves. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port that is free: Downlink has to know where the application will be, which may still have to be built. It is none of
 * those that the system hands out by itself, or another program would soon have it; nor of those below 30,000, where the NATS
 * servers of other tests come back to after they were killed.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(30_000, 32_768);
    const probe = createServer();
    const free = await new Promise<boolean>((done) => {
      probe.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (!free) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
  throw new Error('no port was free in a hundred tries');
}
