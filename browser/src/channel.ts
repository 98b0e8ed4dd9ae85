/**
 * Downlink in a page: a channel from the server, opened with a token.
 *
 * ```js
 * const channel = new Channel(token, { onmessage: ({ data }) => show(data) });
 * channel.open();
 * ```
 */
import type { ChannelOptions, State, Token, TransportName } from './api.ts';
import { NORMAL } from './close.ts';
import { Connection } from './connection.ts';
import { TokenSource } from './token.ts';
import { longpoll } from './transport/longpoll.ts';
import { sse } from './transport/sse.ts';
import type { Transport } from './transport/transport.ts';
import { websocket } from './transport/websocket.ts';
import { safely, webOf } from './web.ts';

export type * from './api.ts';

const TRANSPORTS: Record<TransportName, Transport> = { websocket, sse, longpoll };

/** A one-way channel: what the server sends to its client id arrives here, in order, each message once. */
export class Channel {
  readonly #tokens: TokenSource;
  readonly #options: ChannelOptions;
  #connection: Connection | undefined;

  /** Makes a channel; `open` connects it. A function as token is asked for one whenever one is needed. */
  constructor(token: Token, options: ChannelOptions = {}) {
    this.#tokens = new TokenSource(token);
    this.#options = options;
  }

  /** What the channel is doing. */
  get state(): State {
    return this.#connection?.state ?? 'idle';
  }

  /** Up to where everything was handed over; pass it as `after` to go on from there elsewhere. */
  get cursor(): string | undefined {
    return this.#connection?.cursor ?? this.#options.after;
  }

  /** Connects. On an open channel it does nothing; on a closed one it goes on where that ended. */
  open(): this {
    if (this.#connection && this.state !== 'closed') return this;
    const options = this.#options;
    const { transports = Object.keys(TRANSPORTS) as TransportName[], ack } = options;
    this.#connection = new Connection(
      {
        url: socketUrl(options.url),
        tokens: this.#tokens,
        transports: transports.map((name) => TRANSPORTS[name]),
        web: webOf(options),
        after: this.cursor,
        ack,
      },
      {
        status: (state) => safely(() => options.onstatus?.(state)),
        opened: () => safely(() => options.onopen?.()),
        message: ({ type: _, ...message }) => safely(() => options.onmessage?.(message)),
        gap: ({ reason, cursor }) => safely(() => options.ongap?.({ reason, cursor })),
        moved: () => undefined,
        ended(why) {
          if (why.code !== NORMAL) safely(() => options.onerror?.(why));
          safely(() => options.onclose?.(why));
        },
      },
    );
    this.#connection.open();
    return this;
  }

  /** Leaves: the server is told, nothing more is handed over, and `onclose` follows. */
  close(): void {
    this.#connection?.close();
  }
}

/** Where the socket is: as told, seen from the page, or else on the origin that this module came from. */
function socketUrl(url: string | undefined): string {
  const page = globalThis.document?.baseURI ?? globalThis.location?.href;
  const { href } = new URL(url ?? '/v1/socket', url === undefined ? import.meta.url : page);
  if (!/^(http|ws)/.test(href)) throw new TypeError('say where the server is: the option `url`, http or https');
  return href.replace(/^ws/, 'http');
}
