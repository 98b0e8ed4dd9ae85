import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { World, allowStorage, fakePage, seconds, settle } from './world.ts';

let page: ReturnType<typeof fakePage>;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  allowStorage();
  page = fakePage();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A connection that waits for the end of a long pause. */
async function waiting(): Promise<World> {
  const world = new World('token', { names: ['websocket'] });
  await world.start();
  for (let round = 0; round < 6; round++) {
    world.last.break();
    await seconds(16);
  }
  world.last.break();
  expect(world.connection.state).toBe('waiting');
  return world;
}

test.each(['online', 'visibilitychange', 'pageshow', 'resume'])('%s ends a pause at once', async (name) => {
  const world = await waiting();
  const count = world.sockets.length;
  page.fire(name);
  await settle();
  expect(world.sockets).toHaveLength(count + 1);
});

test('becoming hidden is no sign', async () => {
  const world = await waiting();
  page.document.visibilityState = 'hidden';
  page.fire('visibilitychange');
  await settle();
  expect(world.connection.state).toBe('waiting');
});

test('a pause that the server asked for is kept', async () => {
  const world = new World();
  (await world.start()).open().close(1012, '', 10_000);
  await seconds(5);
  page.fire('online');
  await settle();
  expect(world.sockets).toHaveLength(1);
  await seconds(5);
  expect(world.sockets).toHaveLength(2);
});

test('a new network means a new connection', async () => {
  const world = new World();
  (await world.start()).open();
  page.fire('online');
  await settle();
  expect(world.sockets[0]?.closed).toBe('drop');
  expect(world.sockets).toHaveLength(2);
});

test('looking at the page again tests an open connection by what it heard last', async () => {
  const world = new World();
  (await world.start()).open();
  page.fire('visibilitychange');
  await settle();
  expect(world.sockets).toHaveLength(1);
  vi.setSystemTime(Date.now() + 60_000);
  page.fire('visibilitychange');
  await settle();
  expect(world.sockets).toHaveLength(2);
});

test('the back-forward cache finds no connection, and the page that comes back has one', async () => {
  const world = new World();
  (await world.start()).open();
  world.last.message(3);
  page.fire('pagehide', { persisted: true });
  expect(world.last.closed).toBe('drop');
  await seconds(3600);
  expect(world.sockets).toHaveLength(1);
  page.fire('pageshow');
  await settle();
  expect(world.last.after).toBe('e.3');
  world.last.open();
  expect(world.statuses).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open']);
  expect(world.ended).toEqual([]);
});

test('a page that goes for good can still say farewell in its unload, which comes after pagehide', async () => {
  const world = new World();
  (await world.start()).open();
  page.fire('pagehide', { persisted: false });
  expect(world.last.closed, 'its browser ends the connection').toBeUndefined();
  world.connection.close();
  expect(world.last.closed).toBe('leave');
});

test('a page that went for good, and came back all the same, has its connection still', async () => {
  const world = new World();
  (await world.start()).open();
  page.fire('pagehide', { persisted: false });
  page.fire('pageshow', { persisted: true });
  await settle();
  expect(world.sockets).toHaveLength(1);
  expect(world.connection.state).toBe('open');
});

test('a closed channel listens to nothing', async () => {
  const world = new World();
  (await world.start()).open();
  world.connection.close();
  for (const name of ['online', 'visibilitychange', 'pagehide', 'pageshow', 'resume']) page.fire(name);
  await seconds(60);
  expect(world.sockets).toHaveLength(1);
  expect(world.statuses).toEqual(['connecting', 'open', 'closed']);
});

test('unload is never listened to', async () => {
  const listened = vi.spyOn(window, 'addEventListener');
  await new World().start();
  expect(listened.mock.calls.map(([name]) => name)).toEqual(['pagehide', 'pageshow', 'online']);
});
