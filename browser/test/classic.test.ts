import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeWebSocket, allowStorage, denyStorage, fakePage, seconds, settle } from './world.ts';

type Goog = any;
let goog: Goog;

/** Loads the script into the page anew. */
async function load(): Promise<Goog> {
  vi.resetModules();
  await import('../src/classic.ts');
  return (globalThis as any).goog;
}

beforeEach(async () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  FakeWebSocket.all = [];
  vi.stubGlobal('WebSocket', FakeWebSocket);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('only WebSocket here')));
  allowStorage();
  fakePage();
  delete (globalThis as any).goog;
  goog = await load();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Opens a channel whose handlers note every event, with the state of the socket in it. */
async function opened(token = 'token') {
  const events: unknown[] = [];
  const socket = new goog.appengine.Channel(token).open();
  for (const name of ['onopen', 'onmessage', 'onerror', 'onclose']) {
    socket[name] = (event: unknown) => events.push([name, event, socket.readyState]);
  }
  await settle();
  return { socket, events };
}

describe('the surface', () => {
  test('has the old names and no other global', async () => {
    const before = new Set(Object.keys(globalThis));
    delete (globalThis as any).goog;
    await load();
    expect(Object.keys(globalThis).filter((name) => !before.has(name))).toEqual([]);
    const { Channel, Socket } = (globalThis as any).goog.appengine;
    expect(Socket.ReadyState).toEqual({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });
    expect(typeof Channel.prototype.open).toBe('function');
    expect(typeof Socket.prototype.close).toBe('function');
    expect(typeof Socket.prototype.send).toBe('function');
    const handler = new Socket.Handler();
    expect(['onopen', 'onmessage', 'onerror', 'onclose'].map((name) => handler[name]())).toEqual(Array(4).fill(undefined));
  });

  test('an existing goog is kept and extended', async () => {
    const mine = { require: () => 'mine', appengine: { users: 1 } };
    (globalThis as any).goog = mine;
    expect(await load()).toBe(mine);
    expect(Object.keys(mine.appengine)).toEqual(['users', 'Channel', 'Socket']);
  });

  test('loaded twice, the first one stays', async () => {
    const { Channel, Socket } = goog.appengine;
    await load();
    expect(goog.appengine.Channel).toBe(Channel);
    expect(goog.appengine.Socket).toBe(Socket);
  });

  test.each([
    ['https://app.example/_ah/channel/jsapi', 'wss://app.example/_ah/channel/socket'],
    ['http://app.example:8080/_ah/channel/jsapi?v=2#x', 'ws://app.example:8080/_ah/channel/socket'],
    ['https://push.example/base/_ah/channel/jsapi', 'wss://push.example/base/_ah/channel/socket'],
    ['https://push.example/channel.js', 'wss://push.example/_ah/channel/socket'],
    ['https://push.example/base/channel.js', 'wss://push.example/base/_ah/channel/socket'],
    ['https://cdn.example/js/application.js', 'wss://app.example/_ah/channel/socket'],
    ['https://push.example/my-channel.js', 'wss://app.example/_ah/channel/socket'],
    [null, 'wss://app.example/_ah/channel/socket'],
  ])('loaded from %s it connects to %s', async (from, to) => {
    delete (globalThis as any).goog;
    fakePage(from ?? '').document.currentScript = from ? { src: from } : null;
    goog = await load();
    await opened();
    expect(FakeWebSocket.last.url).toBe(to);
  });
});

describe('the events', () => {
  test('of a channel that opens, receives and is closed by the page', async () => {
    const { socket, events } = await opened();
    expect(socket.readyState).toBe(0);
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ id: 'e.1', data: 'hello' });
    FakeWebSocket.last.say({ id: 'e.2', base64: 'AAE=' });
    socket.close();
    expect(socket.readyState).toBe(2);
    FakeWebSocket.last.say({ id: 'e.3', data: 'too late' });
    socket.close();
    await settle();
    socket.close();
    expect(socket.readyState).toBe(3);
    await seconds(600);
    expect(events).toEqual([
      ['onopen', {}, 1],
      ['onmessage', { data: 'hello' }, 1],
      ['onmessage', { data: new Uint8Array([0, 1]).buffer }, 1],
      ['onclose', {}, 3],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a silent reconnect calls neither onopen nor onclose', async () => {
    const { events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.end(1006, '', false);
    await seconds(0.5);
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ id: 'e.1', data: 'x' });
    expect(FakeWebSocket.all).toHaveLength(2);
    expect(events).toEqual([['onopen', {}, 1], ['onmessage', { data: 'x' }, 1]]);
  });

  test.each([
    [4401, 'Invalid token.', 401, 'Invalid+token.'],
    [4401, 'Token timed out.', 401, 'Token+timed+out.'],
    [4401, 'something new', 401, 'Invalid+token.'],
    [4403, 'This origin may not open channels.', 403, 'This origin may not open channels.'],
    [4410, 'The channel was deleted.', 410, 'The channel was deleted.'],
    [4400, 'Bad request.', 400, 'Bad request.'],
  ])('%i %s is an error and then the end', async (closed, reason, code, description) => {
    const { events } = await opened();
    FakeWebSocket.last.say({ type: 'close', code: closed, reason });
    expect(events).toEqual([]);
    await seconds(600);
    expect(events).toEqual([
      ['onerror', { code, description }, 2],
      ['onclose', {}, 3],
    ]);
  });

  test('garbage as a token is refused after open() returned, like any bad one', async () => {
    const { events } = await opened('not a token');
    await settle();
    expect(FakeWebSocket.all).toEqual([]);
    expect(events.map(([name]: any) => name)).toEqual(['onerror', 'onclose']);
  });

  test('close() inside onerror still means one onclose, after it', async () => {
    const { socket, events } = await opened();
    const note = socket.onerror;
    socket.onerror = (event: unknown) => {
      note(event);
      socket.close();
    };
    FakeWebSocket.last.say({ type: 'close', code: 4401, reason: 'Invalid token.' });
    await seconds(600);
    expect(events.map(([name]: any) => name)).toEqual(['onerror', 'onclose']);
  });

  test('close() just before the page hears of an error: onclose alone', async () => {
    const { socket, events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ type: 'close', code: 4410, reason: 'The channel was deleted.' });
    socket.close();
    await seconds(600);
    expect(events).toEqual([['onopen', {}, 1], ['onclose', {}, 3]]);
  });

  test('close() is a farewell by code 1000, and going away is none', async () => {
    const { socket } = await opened();
    FakeWebSocket.last.open();
    socket.close();
    expect(FakeWebSocket.last.closedWith).toBe(1000);
    const page = fakePage();
    await opened('other');
    FakeWebSocket.last.open();
    page.fire('pagehide', { persisted: true });
    expect(FakeWebSocket.last.closedWith).toBe('no code');
  });

  test('two minutes without a connection are an error with code 0', async () => {
    const { events } = await opened();
    FakeWebSocket.last.open();
    vi.stubGlobal('WebSocket', class {
      constructor() {
        throw new Error('offline');
      }
    });
    FakeWebSocket.last.end(1006, '', false);
    FakeWebSocket.all = [];
    await seconds(119);
    expect(events).toHaveLength(1);
    await seconds(31);
    expect(events.slice(1)).toEqual([
      ['onerror', { code: 0, description: 'No connection.' }, 2],
      ['onclose', {}, 3],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a sleep longer than two minutes is not two minutes of trying', async () => {
    const { events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.end(1006, '', false);
    await seconds(1);
    vi.setSystemTime(Date.now() + 8 * 3_600_000);
    await seconds(20);
    expect(events).toHaveLength(1);
    FakeWebSocket.last.open();
    await seconds(24);
    expect(events).toHaveLength(1);
  });

  test('a bare farewell of a proxy is no end', async () => {
    const { events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.end(1000);
    await seconds(1);
    expect(FakeWebSocket.all).toHaveLength(2);
    expect(events).toHaveLength(1);
  });
});

describe('the handlers', () => {
  test('given to open() or set on the socket, they are read when their event comes', async () => {
    const events: string[] = [];
    const socket = new goog.appengine.Channel('token').open({
      onopen: () => events.push('open of the argument'),
      onmessage: () => events.push('message of the argument'),
    });
    await settle();
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ id: 'e.1', data: 'x' });
    socket.onmessage = function (this: unknown) {
      events.push(this === socket ? 'message set later' : 'wrong this');
    };
    FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
    expect(events).toEqual(['open of the argument', 'message of the argument', 'message set later']);
  });

  test('missing ones and nonsense do no harm, and a throwing one loses nothing', async () => {
    const { socket, events } = await opened();
    socket.onopen = null;
    socket.onclose = 'nonsense';
    FakeWebSocket.last.open();
    socket.onmessage = ({ data }: { data: string }) => {
      events.push(data);
      throw new Error('handler');
    };
    FakeWebSocket.last.say({ id: 'e.1', data: 'one' });
    await expect(settle()).rejects.toThrow('handler');
    FakeWebSocket.last.say({ id: 'e.2', data: 'two' });
    await expect(settle()).rejects.toThrow('handler');
    expect(events).toEqual(['one', 'two']);
    socket.close();
    await settle();
    expect(socket.readyState).toBe(3);
  });

  test('send() answers false', async () => {
    const { socket } = await opened();
    expect(socket.send('x')).toBe(false);
    expect(FakeWebSocket.last.said).toEqual([]);
  });

  test('a gap goes to ongap, or to the console', async () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    const { socket, events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ type: 'gap', cursor: 'e.5', reason: 'trimmed' });
    expect(warned).toHaveBeenCalledTimes(1);
    socket.ongap = (event: unknown) => events.push(event);
    FakeWebSocket.last.say({ type: 'gap', cursor: 'e.9', reason: 'epoch' });
    expect(warned).toHaveBeenCalledTimes(1);
    expect(events).toEqual([['onopen', {}, 1], { reason: 'epoch' }]);
  });
});

describe('a token that is opened again in the same tab', () => {
  test('goes on after what it had, in the page and after a reload, and so does no other', async () => {
    const { socket } = await opened('token');
    FakeWebSocket.last.open('e.1');
    FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
    socket.close();
    await opened('token');
    expect(FakeWebSocket.last.url).toContain('?after=e.2');

    delete (globalThis as any).goog;
    goog = await load();
    const { events } = await opened('token');
    expect(FakeWebSocket.last.url).toContain('?after=e.2');
    FakeWebSocket.last.open('e.2');
    FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
    FakeWebSocket.last.say({ id: 'e.3', data: 'y' });
    expect(events).toEqual([['onopen', {}, 1], ['onmessage', { data: 'y' }, 1]]);

    await opened('another-token');
    expect(FakeWebSocket.last.url).not.toContain('after');
  });

  test('is remembered for the newest few, and without the token itself', async () => {
    for (let n = 0; n < 50; n++) {
      const { socket } = await opened(`secret${n}`);
      FakeWebSocket.last.open(`e.${n}`);
      socket.close();
      await seconds(1);
    }
    expect(Object.keys(sessionStorage)).toHaveLength(20);
    expect(JSON.stringify(sessionStorage)).not.toContain('secret');
    await opened('secret49');
    expect(FakeWebSocket.last.url).toContain('?after=e.49');
  });

  test('works where storage is denied, within the page', async () => {
    denyStorage();
    const { socket, events } = await opened('in-page');
    FakeWebSocket.last.open('e.1');
    FakeWebSocket.last.say({ id: 'e.2', data: 'x' });
    socket.close();
    await settle();
    expect(events.map(([name]: any) => name)).toEqual(['onopen', 'onmessage', 'onclose']);
    await opened('in-page');
    expect(FakeWebSocket.last.url).toContain('?after=e.2');
  });

  test('works where storage is full', async () => {
    vi.spyOn(sessionStorage, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const { events } = await opened();
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ id: 'e.1', data: 'x' });
    expect(events).toHaveLength(2);
  });
});

test('ten channels one after the other, and two at once', async () => {
  for (let n = 0; n < 10; n++) {
    const { socket, events } = await opened(`token${n}`);
    FakeWebSocket.last.open();
    socket.close();
    await settle();
    expect(events).toHaveLength(2);
  }
  expect(vi.getTimerCount()).toBe(0);
  const one = await opened('ada');
  const first = FakeWebSocket.last;
  const two = await opened('bob');
  first.open();
  FakeWebSocket.last.open();
  first.say({ id: 'e.1', data: 'for ada' });
  FakeWebSocket.last.say({ id: 'e.1', data: 'for bob' });
  expect([one.events[1], two.events[1]]).toEqual([
    ['onmessage', { data: 'for ada' }, 1],
    ['onmessage', { data: 'for bob' }, 1],
  ]);
});
