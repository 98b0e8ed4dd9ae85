/** A world for the tests: a server's side of every transport, a browser's storage and events, no network, no real time. */
import { vi } from 'vitest';
import type { Closed, State, Token } from '../src/api.ts';
import { Connection, type Parts } from '../src/connection.ts';
import type { CloseFrame, Frame, GapFrame, Word } from '../src/frames.ts';
import { TokenSource } from '../src/token.ts';
import type { Attempt, Sink, Transport } from '../src/transport/transport.ts';

/** One socket as the server's side sees it. */
export class FakeSocket {
  readonly said: Word[] = [];
  closed: 'leave' | 'drop' | undefined;
  readonly transport: string;
  readonly after: string | undefined;
  readonly token: string;
  readonly #sink: Sink;

  constructor(transport: string, attempt: Attempt, sink: Sink) {
    this.transport = transport;
    this.after = attempt.after;
    this.token = attempt.token();
    this.#sink = sink;
  }

  frame(frame: Frame): void {
    this.#sink.frame(frame);
  }

  open(cursor = 'e.0'): this {
    this.frame({ type: 'open', cursor, socket: 's', ping: 15 });
    return this;
  }

  message(offset: number | string, data: string = `m${offset}`): void {
    this.frame({ type: 'message', id: `e.${offset}`, data });
  }

  ping(cursor?: string): void {
    this.frame(cursor ? { type: 'ping', cursor } : { type: 'ping' });
  }

  gap(cursor: string, reason = 'trimmed'): void {
    this.frame({ type: 'gap', cursor, reason });
  }

  close(code: number, reason = '', retry_after_ms?: number): void {
    const frame: CloseFrame = { type: 'close', code, reason };
    this.frame(retry_after_ms === undefined ? frame : { ...frame, retry_after_ms });
  }

  /** The connection breaks. */
  break(): void {
    this.#sink.end();
  }
}

/** A connection over fake transports, and everything it told. */
export class World {
  readonly sockets: FakeSocket[] = [];
  readonly statuses: State[] = [];
  readonly messages: unknown[] = [];
  readonly gaps: GapFrame[] = [];
  readonly ended: Closed[] = [];
  opened = 0;
  /** Transports that cannot even start. */
  readonly broken = new Set<string>();
  readonly connection: Connection;

  constructor(token: Token = 'token', parts: Partial<Parts> & { names?: string[] } = {}) {
    const { names = ['websocket', 'sse', 'longpoll'], ...rest } = parts;
    const told = {
      status: (state: State) => void this.statuses.push(state),
      opened: () => void this.opened++,
      message: ({ data }: { data: unknown }) => void this.messages.push(data),
      gap: (gap: GapFrame) => void this.gaps.push(gap),
      moved: () => undefined,
      ended: (why: Closed) => void this.ended.push(why),
    };
    this.connection = new Connection(
      {
        url: 'https://host/v1/socket',
        tokens: new TokenSource(token),
        transports: names.map((name) => this.#transport(name)),
        web: { fetch },
        ...rest,
      },
      told,
    );
  }

  /** Opens the connection and waits until the first transport was asked. */
  async start(): Promise<FakeSocket> {
    this.connection.open();
    await settle();
    return this.last;
  }

  get last(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  /** Names of the transports that were tried, in order. */
  get tried(): string[] {
    return this.sockets.map((socket) => socket.transport);
  }

  #transport(name: string): Transport {
    return {
      name: name as Transport['name'],
      patience_ms: 5_000,
      start: (attempt, sink) => {
        const socket = new FakeSocket(name, attempt, sink);
        this.sockets.push(socket);
        if (this.broken.has(name)) throw new Error(`${name} is blocked`);
        return {
          say: (word) => void socket.said.push(word),
          close: (leave) => void (socket.closed = leave ? 'leave' : 'drop'),
        };
      },
    };
  }
}

/** Lets everything happen that waits for no time. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

export async function seconds(count: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(count * 1000);
}

/** A browser's storage. */
export class FakeStorage {
  getItem(key: string): string | null {
    return (this as Record<string, any>)[key] ?? null;
  }
  setItem(key: string, value: string): void {
    (this as Record<string, any>)[key] = value;
  }
  removeItem(key: string): void {
    delete (this as Record<string, any>)[key];
  }
}

/** Storage as a sandboxed frame has it: even the look at it throws. */
export function denyStorage(): void {
  for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  }
}

/** Storage that works and is empty. */
export function allowStorage(): void {
  for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: new FakeStorage() });
  }
}

/** Window and document of a page, as far as the library looks at them. */
export function fakePage(script = 'https://app.example/_ah/channel/jsapi') {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), {
    visibilityState: 'visible',
    baseURI: 'https://app.example/page',
    currentScript: { src: script } as { src: string } | null,
  });
  vi.stubGlobal('window', window);
  vi.stubGlobal('document', document);
  return {
    document,
    fire(name: string, more: object = {}) {
      const target = ['visibilitychange', 'resume'].includes(name) ? document : window;
      target.dispatchEvent(Object.assign(new Event(name), more));
    },
  };
}

/** The server's side of the browser's `WebSocket`. */
export class FakeWebSocket {
  static all: FakeWebSocket[] = [];
  static get last(): FakeWebSocket {
    return FakeWebSocket.all.at(-1) as FakeWebSocket;
  }

  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly said: string[] = [];
  closedWith: number | 'no code' | undefined;
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.all.push(this);
  }

  send(data: string): void {
    this.said.push(data);
  }

  close(code?: number): void {
    this.closedWith = code ?? 'no code';
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  open(cursor = 'e.0'): void {
    this.say({ type: 'open', cursor, socket: 's', ping: 15 });
  }

  end(code: number, reason = '', wasClean = true): void {
    this.onclose?.({ code, reason, wasClean });
  }
}

/** A token with the given times, as the server would make it; nobody here checks its signature. */
export function jwt(iat: number, exp: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part({ aud: 'downlink', sub: 'ada', iat, exp })}.c2ln`;
}
