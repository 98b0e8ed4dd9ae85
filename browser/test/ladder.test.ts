import { beforeEach, afterEach, expect, test, vi } from 'vitest';
import { World, allowStorage, denyStorage, seconds, settle } from './world.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  allowStorage();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test('a WebSocket that throws, ends early or says nothing for 5 s gives way to SSE at once', async () => {
  for (const fault of ['throws', 'ends', 'silent']) {
    allowStorage();
    const world = new World();
    if (fault === 'throws') world.broken.add('websocket');
    await world.start();
    if (fault === 'ends') world.last.break();
    if (fault === 'silent') await seconds(4.9);
    if (fault === 'silent') expect(world.tried).toEqual(['websocket']);
    if (fault === 'silent') await seconds(0.1);
    await settle();
    expect(world.tried, fault).toEqual(['websocket', 'sse']);
    expect(world.statuses, fault).toEqual(['connecting']);
    world.connection.close();
  }
});

test('a buffering proxy lets only long-poll through', async () => {
  const world = new World();
  await world.start();
  await seconds(10);
  world.last.open();
  world.last.message(1);
  expect(world.tried).toEqual(['websocket', 'sse', 'longpoll']);
  expect(world.messages).toEqual(['m1']);
});

test('an answer of the server is no fault of the transport', async () => {
  for (const code of [4401, 4403, 4410]) {
    const world = new World();
    (await world.start()).close(code);
    await seconds(60);
    expect(world.tried).toEqual(['websocket']);
  }
  const world = new World();
  (await world.start()).close(1013, 'Too many sockets.', 1000);
  await seconds(1);
  expect(world.tried).toEqual(['websocket', 'websocket']);
});

test('what worked is remembered for an hour', async () => {
  const first = new World();
  first.broken.add('websocket');
  (await first.start()).open();
  await settle();
  first.connection.close();

  const second = new World();
  await second.start();
  expect(second.tried).toEqual(['sse']);
  second.connection.close();

  vi.setSystemTime(Date.now() + 3_600_000);
  const third = new World();
  await third.start();
  expect(third.tried).toEqual(['websocket']);
});

test('a WebSocket that works again is remembered too', async () => {
  localStorage.setItem('downlink.transport https://host/v1/socket', `longpoll ${Date.now()}`);
  const world = new World();
  await world.start();
  expect(world.tried).toEqual(['longpoll']);
  world.last.break();
  await seconds(0.5);
  world.last.open();
  expect(world.tried).toEqual(['longpoll', 'websocket']);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('nonsense in the storage, or none, means the first choice', async () => {
  for (const value of ['carrier-pigeon 1700000000000', 'sse', 'sse NaN', 'sse 9999999999999', '']) {
    localStorage.setItem('downlink.transport https://host/v1/socket', value);
    const world = new World();
    await world.start();
    expect(world.tried, value).toEqual(['websocket']);
    world.connection.close();
  }
  denyStorage();
  const world = new World();
  world.broken.add('websocket');
  (await world.start()).open();
  expect(world.tried).toEqual(['websocket', 'sse']);
  expect(world.connection.state).toBe('open');
});

test('a server that is away for long is found again by the transport that had worked', async () => {
  const world = new World();
  (await world.start()).open();
  await seconds(20);
  world.last.ping();
  world.last.break();
  for (let second = 0; second < 120; second++) {
    await seconds(1);
    if (world.connection.state === 'connecting') world.last.break();
  }
  while (world.last.transport !== 'websocket' || world.connection.state !== 'connecting') await seconds(0.5);
  world.last.open();
  expect(world.connection.state).toBe('open');
  // Never remembered, though it was tried: the fallback was not what worked.
  expect(Object.keys(localStorage)).toEqual([]);
});

test('a stopgap that got through while the server came back is left at its end', async () => {
  const world = new World();
  (await world.start()).open();
  world.last.break();
  for (let second = 0; second < 60 && world.last.transport !== 'sse'; second++) {
    await seconds(0.5);
    if (world.connection.state === 'connecting' && world.last.transport !== 'sse') world.last.break();
  }
  world.last.open();
  expect(world.last.transport).toBe('sse');
  expect(Object.keys(localStorage)).toEqual([]);
  await seconds(20);
  world.last.break();
  await seconds(1);
  expect(world.last.transport).toBe('websocket');
});

test('a transport that opens and then passes nothing on is left after three times', async () => {
  const world = new World();
  await world.start();
  for (let round = 0; round < 3; round++) {
    world.last.open();
    await seconds(31);
  }
  expect(world.tried).toEqual(['websocket', 'websocket', 'websocket', 'sse']);
});

test('only the transports that the page wants are tried', async () => {
  const world = new World('token', { names: ['longpoll'] });
  await world.start();
  world.last.break();
  await seconds(0.5);
  expect(world.tried).toEqual(['longpoll', 'longpoll']);
});
