/**
 * The face of the App Engine Channel API: `goog.appengine.Channel` and `goog.appengine.Socket`, for pages written
 * against it. One script, one global, no module.
 */
import type { Closed, State } from './api.ts';
import { NORMAL, TIMED_OUT, TOKEN_REFUSED } from './close.ts';
import { Connection } from './connection.ts';
import { KeptCursor } from './kept_cursors.ts';
import { TokenSource } from './token.ts';
import { longpoll } from './transport/longpoll.ts';
import { sse } from './transport/sse.ts';
import { websocket } from './transport/websocket.ts';
import { safely, webOf } from './web.ts';

const ReadyState = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };

const HANDLERS = ['onopen', 'onmessage', 'onerror', 'onclose', 'ongap'] as const;

/** The handlers of a page, as the argument of `open` or as properties of the socket. */
type Handlers = { [name in (typeof HANDLERS)[number]]?: ((event: object) => void) | null };

/** How long without a connection a page waits silently before it is told. */
const GIVE_UP_MS = 120_000;
const GIVE_UP_TICK_MS = 10_000;

/** A tick that took longer was a sleeping computer, whose time does not count: it has not been trying. */
const GIVE_UP_TICK_MAX_MS = 60_000;

/** An object of handlers to fill in; the development client of old had it. */
class Handler {
  onopen(): void {}
  onmessage(_event: object): void {}
  onerror(_event: object): void {}
  onclose(): void {}
}

/** What old applications compare, letter by letter; other reasons have no old form. */
function description({ code, reason }: Closed): string {
  if (code !== TOKEN_REFUSED) return reason;
  return reason === TIMED_OUT ? 'Token+timed+out.' : 'Invalid+token.';
}

/** The socket of a channel, made by `Channel.open`. Handlers are read from it when their event happens. */
class Socket {
  static ReadyState = ReadyState;
  static Handler = Handler;
  declare onopen: Handlers['onopen'];
  declare onmessage: Handlers['onmessage'];
  declare onerror: Handlers['onerror'];
  declare onclose: Handlers['onclose'];
  declare ongap: Handlers['ongap'];
  readyState = ReadyState.CONNECTING;
  readonly #connection: Connection;
  #giveUp: ReturnType<typeof setInterval> | undefined;

  constructor(url: string, token: string, handlers?: Handlers) {
    for (const name of HANDLERS) {
      const handler = handlers?.[name];
      if (handler) this[name] = handler;
    }
    const kept = new KeptCursor(token);
    this.#connection = new Connection(
      { url, tokens: new TokenSource(token), transports: [websocket, sse, longpoll], web: webOf({}), after: kept.get() },
      {
        status: (state) => this.#status(state),
        opened: () => {
          this.readyState = ReadyState.OPEN;
          this.#tell('onopen', {});
        },
        message: ({ data }) => this.#tell('onmessage', { data }),
        gap: ({ reason }) => {
          if (this.ongap) this.#tell('ongap', { reason });
          else console.warn(`Downlink: messages of this channel are no longer kept (${reason}).`);
        },
        moved: (cursor) => kept.set(cursor),
        ended: (why) => this.#ended(why),
      },
    );
    this.#connection.open();
  }

  /** Channels go one way. This was never more than a stub; it does nothing and says so. */
  send(_data?: unknown): boolean {
    return false;
  }

  /** Leaves; `onclose` follows, later and once, and no message comes before it. */
  close(): void {
    if (this.readyState < ReadyState.CLOSING) this.readyState = ReadyState.CLOSING;
    this.#connection.close();
  }

  #status(state: State): void {
    if (state === 'open' || state === 'closed') {
      clearInterval(this.#giveUp);
      this.#giveUp = undefined;
      return;
    }
    if (this.#giveUp) return;
    let lost_ms = 0;
    let last = Date.now();
    this.#giveUp = setInterval(() => {
      const now = Date.now();
      lost_ms += Math.min(Math.max(now - last, GIVE_UP_TICK_MS), GIVE_UP_TICK_MAX_MS);
      last = now;
      if (lost_ms >= GIVE_UP_MS) this.#connection.close({ code: 0, reason: 'No connection.' });
    }, GIVE_UP_TICK_MS);
  }

  #ended(why: Closed): void {
    // A page that has closed it in the meantime wants to hear of nothing but that.
    if (why.code !== NORMAL && this.readyState < ReadyState.CLOSING) {
      this.readyState = ReadyState.CLOSING;
      this.#tell('onerror', { code: why.code % 1000, description: description(why) });
    }
    this.readyState = ReadyState.CLOSED;
    this.#tell('onclose', {});
  }

  #tell(name: keyof Handlers, event: object): void {
    safely(() => {
      if (typeof this[name] === 'function') this[name](event);
    });
  }
}

/** A channel by its token. */
class Channel {
  readonly #token: string;

  constructor(token: string) {
    this.#token = `${token}`;
  }

  /** Connects; handlers may be given here or set on the socket right after. */
  open(handlers?: Handlers): Socket {
    return new Socket(URL_OF_SOCKET, this.#token, handlers);
  }
}

/**
 * Below where the script was loaded from, so that one forwarding rule serves script and socket.
 *
 * A script of another name is not the server's: somebody's loader has fetched this text and runs it. Such loaders know
 * the page's own host only.
 */
function socketUrl(): string {
  const script = document.currentScript as HTMLScriptElement | null;
  const loaded = (script?.src ?? '').replace(/[?#].*/, '');
  if (loaded.endsWith('/jsapi')) return new URL('socket', loaded).href;
  const ours = loaded.endsWith('/channel.js');
  return new URL(ours ? '_ah/channel/socket' : '/_ah/channel/socket', ours ? loaded : document.baseURI).href;
}

/** Only while the script runs is it known where it came from. */
const URL_OF_SOCKET = socketUrl();

declare const goog: any;

const root: any = typeof goog === 'undefined' ? ((globalThis as any).goog = {}) : goog;
const appengine = (root.appengine ??= {});
// Loaded twice, the first one stays: sockets that it made are open.
if (!appengine.Channel?.downlink) {
  Object.assign(appengine, { Channel: Object.assign(Channel, { downlink: true }), Socket });
}
