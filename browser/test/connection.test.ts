import { beforeEach, afterEach, describe, expect, test, vi } from 'vitest';
import { World, allowStorage, jwt, seconds, settle } from './world.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  allowStorage();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('the life of a connection', () => {
  test('idle, connecting, open, waiting, connecting, open, closed', async () => {
    const world = new World();
    expect(world.connection.state).toBe('idle');
    (await world.start()).open();
    world.last.break();
    await seconds(0.5);
    world.last.open();
    world.connection.close();
    await settle();
    expect(world.statuses).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open', 'closed']);
    expect(world.opened).toBe(1);
    expect(world.ended).toEqual([{ code: 1000, reason: '' }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('close is told once, later than the call, and leaves', async () => {
    const world = new World();
    const socket = (await world.start()).open();
    world.connection.close();
    expect(world.ended).toEqual([]);
    expect(socket.closed).toBe('leave');
    world.connection.close();
    socket.message(1);
    await seconds(600);
    expect(world.ended).toHaveLength(1);
    expect(world.messages).toEqual([]);
    expect(world.sockets).toHaveLength(1);
  });

  test('a page that closes while it is told of a state is obeyed', async () => {
    for (const at of ['connecting', 'open', 'waiting']) {
      const world = new World();
      const { statuses } = world;
      statuses.push = function (state) {
        if (state === at) world.connection.close();
        return Array.prototype.push.call(this, state);
      };
      world.connection.open();
      await settle();
      world.sockets[0]?.open().break();
      await seconds(60);
      expect(world.connection.state).toBe('closed');
      expect(world.ended).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    }
  });
});

describe('messages', () => {
  test('come once, whatever is repeated after a reconnect', async () => {
    const world = new World();
    (await world.start()).open('e.0');
    world.last.message(1);
    world.last.message(2);
    world.last.message(2);
    world.last.break();
    await seconds(0.5);
    expect(world.last.after).toBe('e.2');
    world.last.open('e.0');
    world.last.message(1);
    world.last.message(2);
    world.last.message(3);
    expect(world.messages).toEqual(['m1', 'm2', 'm3']);
  });

  test('what a dropped socket still has is not heard', async () => {
    const world = new World();
    const first = (await world.start()).open();
    first.break();
    first.message(1);
    await seconds(0.5);
    world.last.open();
    first.message(1);
    first.close(4410);
    world.last.message(1);
    expect(world.messages).toEqual(['m1']);
    expect(world.connection.state).toBe('open');
  });

  test('one without a place is handed over and moves no cursor', async () => {
    const world = new World();
    (await world.start()).open('e.7').frame({ type: 'message', data: 'now' });
    expect(world.messages).toEqual(['now']);
    expect(world.connection.cursor).toBe('e.7');
  });

  test('open, message, gap and ping move the cursor, and nothing moves it back', async () => {
    const world = new World();
    const cursors: (string | undefined)[] = [];
    const note = () => cursors.push(world.connection.cursor);
    (await world.start()).open('e.3');
    note();
    world.last.message(5);
    note();
    world.last.ping('e.9');
    note();
    world.last.ping('e.4');
    world.last.ping();
    note();
    world.last.gap('e.12');
    note();
    world.last.gap('e.11');
    note();
    expect(cursors).toEqual(['e.3', 'e.5', 'e.9', 'e.9', 'e.12', 'e.12']);
  });

  test('a new epoch begins with its gap: low offsets are new messages then', async () => {
    const world = new World();
    (await world.start()).open('e.100').gap('f.0', 'epoch');
    world.last.frame({ type: 'message', id: 'f.1', data: 'first of f' });
    world.last.frame({ type: 'message', id: 'f.1', data: 'first of f' });
    expect(world.messages).toEqual(['first of f']);
    expect(world.gaps).toEqual([{ type: 'gap', cursor: 'f.0', reason: 'epoch' }]);
    world.last.break();
    await seconds(0.5);
    expect(world.last.after).toBe('f.1');
  });

  test('a gap that did not come before the break is asked for again', async () => {
    const world = new World();
    (await world.start()).open('e.100');
    world.last.break();
    await seconds(0.5);
    world.last.open('f.50');
    world.last.ping('f.51');
    world.last.break();
    await seconds(1);
    expect(world.last.after).toBe('e.100');
  });

  test('a log that ends before the cursor begins anew', async () => {
    const world = new World();
    (await world.start()).open('e.100').gap('e.0', 'epoch');
    world.last.message(1);
    expect(world.messages).toEqual(['m1']);
  });

  test('acknowledgements go out at most once a second, with the newest place', async () => {
    const world = new World('token', { ack: true });
    (await world.start()).open();
    for (let offset = 1; offset <= 20; offset++) {
      world.last.message(offset);
      await seconds(0.1);
    }
    await seconds(5);
    expect(world.last.said).toEqual([{ ack: 'e.10' }, { ack: 'e.20' }]);
  });
});

describe('waiting', () => {
  test('doubles until 20 s, and starts small again after 10 s of a stable connection', async () => {
    const world = new World('token', { names: ['websocket'] });
    await world.start();
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      world.last.break();
      const from = Date.now();
      const count = world.sockets.length;
      while (world.sockets.length === count) await seconds(0.5);
      waits.push((Date.now() - from) / 1000);
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 16, 20, 20]);
    world.last.open();
    await seconds(9.9);
    world.last.break();
    await seconds(19.9);
    expect(world.sockets).toHaveLength(9);
    await seconds(0.1);
    world.last.open();
    await seconds(10);
    world.last.break();
    await seconds(0.5);
    expect(world.sockets).toHaveLength(11);
  });

  test('obeys the server that says when to come back, also when waking', async () => {
    const world = new World();
    (await world.start()).open().close(1012, 'The server restarts.', 7_000);
    expect(world.connection.state).toBe('waiting');
    await seconds(6.9);
    expect(world.sockets).toHaveLength(1);
    await seconds(0.1);
    expect(world.sockets).toHaveLength(2);
  });

  test.each([1001, 1011, 1012, 1013, 4508])('comes back after %i', async (code) => {
    const world = new World();
    (await world.start()).open().close(code);
    await seconds(0.5);
    expect(world.tried).toEqual(['websocket', 'websocket']);
  });

  test.each([4400, 4401, 4403, 4410, 4099])('does not come back after %i', async (code) => {
    const world = new World();
    (await world.start()).open().close(code, 'why');
    expect(world.ended).toEqual([]);
    await seconds(600);
    expect(world.sockets).toHaveLength(1);
    expect(world.ended).toEqual([{ code, reason: 'why' }]);
    expect(world.connection.state).toBe('closed');
  });
});

describe('liveness', () => {
  test('silence of a ping interval and 10 s ends a connection', async () => {
    const world = new World();
    (await world.start()).open();
    await seconds(15);
    world.last.ping();
    await seconds(24.9);
    expect(world.sockets).toHaveLength(1);
    await seconds(6);
    expect(world.sockets[0]?.closed).toBe('drop');
    expect(world.sockets).toHaveLength(2);
  });

  test('pings keep it for hours', async () => {
    const world = new World();
    (await world.start()).open();
    for (let ping = 0; ping < 1000; ping++) {
      await seconds(15);
      world.last.ping();
    }
    expect(world.sockets).toHaveLength(1);
  });

  test('a sleep is noticed by the wall clock within one tick after waking', async () => {
    const world = new World();
    (await world.start()).open();
    await seconds(12);
    vi.setSystemTime(Date.now() + 3_600_000);
    await seconds(5.5);
    expect(world.sockets).toHaveLength(2);
  });

  test('a clock that is set back does not stop the watch', async () => {
    const world = new World();
    (await world.start()).open();
    vi.setSystemTime(Date.now() - 86_400_000);
    await seconds(40);
    expect(world.sockets).toHaveLength(2);
  });
});

describe('the token', () => {
  test('a string that cannot be a token is refused without asking the server', async () => {
    for (const token of ['', 'not a token', 'ümlaut', 'a\nb', null as never]) {
      const world = new World(token);
      world.connection.open();
      await seconds(1);
      expect(world.sockets).toHaveLength(0);
      expect(world.ended).toEqual([{ code: 4401, reason: 'Invalid token.' }]);
    }
  });

  test('a function is asked once per token, again after 4401, and the page hears nothing of it', async () => {
    const fetched = vi.fn(async () => `token${fetched.mock.calls.length}`);
    const world = new World(fetched);
    (await world.start()).open();
    world.last.break();
    await seconds(0.5);
    expect(world.last.token).toBe('token1');
    world.last.open().close(4401, 'Token timed out.');
    await settle();
    expect(world.last.token).toBe('token2');
    world.last.open();
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(world.ended).toEqual([]);
    expect(world.opened).toBe(1);
  });

  test('a function whose tokens are all refused ends the channel at the fourth', async () => {
    const world = new World(() => 'refused');
    await world.start();
    for (let round = 0; round < 10; round++) {
      world.last.close(4401, 'Invalid token.');
      await seconds(2);
    }
    expect(world.sockets).toHaveLength(4);
    expect(world.ended).toEqual([{ code: 4401, reason: 'Invalid token.' }]);
  });

  test('a function that fails is asked again, and its error is seen', async () => {
    let up = false;
    const world = new World(() => {
      if (!up) throw new Error('the application is down');
      return 'token';
    });
    world.connection.open();
    await expect(settle()).rejects.toThrow('the application is down');
    expect(world.connection.state).toBe('waiting');
    up = true;
    await seconds(0.5);
    expect(world.last.token).toBe('token');
  });

  test('a function that never answers is given up and asked again', async () => {
    const answers = [new Promise<string>(() => undefined), Promise.resolve('token')];
    const world = new World(() => answers.shift() as Promise<string>);
    world.connection.open();
    await seconds(31);
    expect(world.last.token).toBe('token');
  });

  test('a function that has no token ends the channel', async () => {
    const world = new World(() => '');
    world.connection.open();
    await settle();
    expect(world.ended).toEqual([{ code: 4401, reason: 'Invalid token.' }]);
  });

  test('is renewed on the open connection before it times out', async () => {
    const made = vi.fn(() => {
      const now = Math.floor(Date.now() / 1000);
      return jwt(now, now + 600);
    });
    const world = new World(made);
    (await world.start()).open();
    const first = world.last.token;
    for (let ping = 0; ping < 45; ping++) {
      await seconds(14);
      world.last.ping();
    }
    expect(made).toHaveBeenCalledTimes(2);
    expect(world.last.said).toEqual([{ token: made.mock.results[1]?.value }]);
    world.last.break();
    await seconds(0.5);
    expect(world.last.token).not.toBe(first);
  });
});
