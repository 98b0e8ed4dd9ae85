/** A connection below the best transport: the better one is tried again beside it, and taken once it is known to work. */
import { beforeEach, afterEach, expect, test, vi } from 'vitest';
import { type FakeSocket, World, allowStorage, seconds, settle } from './world.ts';

const REMEMBERED = 'downlink.transport https://host/v1/socket';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  allowStorage();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A page that stays with what has worked before. */
async function on(name: string): Promise<[World, FakeSocket]> {
  localStorage.setItem(REMEMBERED, `${name} ${Date.now()}`);
  const world = new World();
  const socket = await world.start();
  expect(socket.transport).toBe(name);
  return [world, socket.open()];
}

/** Time goes by on a socket that works. */
async function minutes(count: number, socket: FakeSocket): Promise<void> {
  for (let quarter = 0; quarter < count * 4; quarter++) {
    socket.ping();
    await seconds(15);
  }
}

/** The better one works: it opens, and passes on what comes later. */
async function prove(proof: FakeSocket, running: FakeSocket): Promise<void> {
  proof.open();
  await minutes(0.25, running);
  proof.ping();
  await settle();
}

/** Everything is refused but what runs; answers after how many minutes each try came, `count` of them. */
async function refusedTries(world: World, socket: FakeSocket, count: number): Promise<number[]> {
  const came: number[] = [];
  for (let quarter = 1; came.length < count; quarter++) {
    const before = world.sockets.length;
    await minutes(0.25, socket);
    if (world.sockets.length > before) came.push(quarter / 4);
    if (world.last !== socket) world.last.break();
    await settle();
  }
  return came;
}

test('a long-poll that keeps working is left for a WebSocket that works again', async () => {
  const [world, poll] = await on('longpoll');
  poll.message(1);
  await minutes(5, poll);
  expect(world.tried).toEqual(['longpoll', 'websocket']);
  const proof = world.last;
  expect(proof.after).toBe('e.1');
  proof.open('e.1');
  await seconds(9);
  // Both bring what is sent, also what has no place; the page has it once.
  for (const socket of [proof, poll]) {
    socket.message(2);
    socket.frame({ type: 'message', data: 'kept nowhere' });
  }
  expect([poll.closed, world.connection.state]).toEqual([undefined, 'open']);
  await seconds(6);
  proof.ping();
  await settle();
  expect([proof.closed, poll.closed]).toEqual(['drop', 'drop']);
  expect(world.tried).toEqual(['longpoll', 'websocket', 'websocket']);
  expect(world.last.after).toBe('e.2');
  world.last.open();
  world.last.message(2);
  world.last.message(3);
  poll.message(4);
  proof.message(4);
  expect(world.messages).toEqual(['m1', 'm2', 'kept nowhere', 'm3']);
  expect([world.opened, world.gaps]).toEqual([1, []]);
  expect(localStorage.getItem(REMEMBERED)).toBeNull();
  await minutes(120, world.last);
  expect(world.sockets.length, 'there is nothing better').toBe(3);
});

/** The WebSocket of a page is cut, and for a while no other gets through; answers the stopgap. */
async function fall(world: World): Promise<FakeSocket> {
  world.broken.add('websocket');
  world.last.break();
  while (world.last.transport !== 'sse') await seconds(0.5);
  // That it could not begin then says nothing for good where it has worked before.
  world.broken.delete('websocket');
  return world.last.open();
}

test('a stopgap is left while it works, the second as soon as the first', async () => {
  const world = new World();
  (await world.start()).open();
  for (const _ of ['first', 'second']) {
    const stopgap = await fall(world);
    expect(await refusedTries(world, stopgap, 1)).toEqual([5]);
    await minutes(10, stopgap);
    expect(world.last.transport).toBe('websocket');
    await prove(world.last, stopgap);
    world.last.open();
    expect([world.last.transport, stopgap.closed]).toEqual(['websocket', 'drop']);
    await minutes(120, world.last);
  }
});

test.each([
  ['fails', (proof: FakeSocket) => proof.break()],
  ['is refused', (proof: FakeSocket) => proof.close(1013, 'Too many sockets.', 1000)],
  ['says nothing', () => undefined],
  ['opens and then says nothing', (proof: FakeSocket) => void proof.open()],
  ['says all at once and then nothing', (proof: FakeSocket) => void proof.open().message(1)],
  ['opens and is ended by the server', async (proof: FakeSocket, sse: FakeSocket) => {
    proof.open();
    await minutes(0.25, sse);
    proof.close(1012, 'Restart.');
  }],
])('what runs goes on if the better one %s', async (_, fault) => {
  const [world, sse] = await on('sse');
  await minutes(5, sse);
  const proof = world.last;
  await fault(proof, sse);
  await minutes(1, sse);
  expect([proof.closed, sse.closed, world.connection.state]).toEqual(['drop', undefined, 'open']);
  sse.message(1);
  expect(world.messages).toEqual(['m1']);
  expect(world.statuses).toEqual(['connecting', 'open']);
  expect(world.tried).toEqual(['sse', 'websocket']);
});

test('it is tried after 5 minutes, then ever less often, at last once an hour', async () => {
  const [world, sse] = await on('sse');
  expect(await refusedTries(world, sse, 7)).toEqual([5, 15, 35, 75, 135, 195, 255]);
});

test('chance makes it up to half as long, so that pages do not come together', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const [world, sse] = await on('sse');
  expect(await refusedTries(world, sse, 3)).toEqual([2.5, 7.5, 17.5]);
});

test('from long-poll, SSE is tried too where a WebSocket still fails', async () => {
  const [world, poll] = await on('longpoll');
  await minutes(5, poll);
  world.last.break();
  await settle();
  expect(world.tried).toEqual(['longpoll', 'websocket', 'sse']);
  await prove(world.last, poll);
  world.last.open();
  expect(world.tried.at(-1)).toBe('sse');
  expect(localStorage.getItem(REMEMBERED)).toMatch(/^sse /);
  expect(poll.closed).toBe('drop');
});

test('if what has worked before is known to and fails after all, the stopgap is there again at once', async () => {
  const world = new World();
  (await world.start()).open();
  const stopgap = await fall(world);
  await minutes(5, stopgap);
  await prove(world.last, stopgap);
  world.last.break();
  await settle();
  expect(world.tried.slice(-2)).toEqual(['websocket', 'sse']);
});

test('if the better one fails after all, what worked is there again at once, and the next try is later', async () => {
  const [world, sse] = await on('sse');
  await minutes(5, sse);
  await prove(world.last, sse);
  world.last.break();
  await settle();
  expect(world.tried).toEqual(['sse', 'websocket', 'websocket', 'sse']);
  world.last.open();
  expect(world.statuses).toEqual(['connecting', 'open', 'connecting', 'open']);
  const again = world.last;
  await minutes(9, again);
  expect(world.last).toBe(again);
  await minutes(1, again);
  expect(world.last.transport).toBe('websocket');
});

test('what cannot even begin is not tried again', async () => {
  const world = new World();
  world.broken.add('websocket');
  const sse = (await world.start()).open();
  expect(world.tried).toEqual(['websocket', 'sse']);
  await minutes(120, sse);
  expect(world.tried).toEqual(['websocket', 'sse']);
});

test('one that cannot begin while something else runs does no harm', async () => {
  const [world, sse] = await on('sse');
  world.broken.add('websocket');
  await minutes(60, sse);
  expect([sse.closed, world.connection.state]).toEqual([undefined, 'open']);
});

test('the end of the channel, or of what runs, is the end of the try', async () => {
  for (const end of ['close', 'break'] as const) {
    const [world, sse] = await on('sse');
    await minutes(5, sse);
    const proof = world.last.open();
    await minutes(0.25, sse);
    if (end === 'close') world.connection.close();
    else sse.break();
    expect(proof.closed).toBe(end === 'close' ? 'leave' : 'drop');
    proof.ping();
    await seconds(1);
    expect(world.tried).toEqual(['sse', 'websocket', ...(end === 'close' ? [] : ['sse'])]);
    world.connection.close();
  }
});
