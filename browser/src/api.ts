/** The public types of the ES module; nothing here runs. `dist/downlink.d.ts` is made of this file and `channel.ts`. */

/** What a channel is doing: `waiting` is the pause between two connections, `closed` is the end. */
export type State = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed';

/** How a socket's frames travel. */
export type TransportName = 'websocket' | 'sse' | 'longpoll';

/** A token, or a function that fetches one; it is asked again when the token has timed out. */
export type Token = string | (() => string | Promise<string>);

/** A message from the server. */
export interface Message {
  /** Text as a string, binary as an `ArrayBuffer`: exactly what was sent. */
  data: string | ArrayBuffer;
  /** Its place, usable as `after`; missing for a message that was sent to be kept nowhere. */
  id?: string;
}

/** Messages were lost: they are no longer kept (`trimmed`), or the server's log began anew (`epoch`). */
export interface Gap {
  reason: string;
  /** Where delivery goes on. */
  cursor: string;
}

/** Why a channel ended. */
export interface Closed {
  /** A close code: 1000 by `close()`, 4400 bad request, 4401 token refused, 4403 forbidden, 4410 channel deleted. */
  code: number;
  reason: string;
}

/** The part of `WebSocket` that is used; the browser's own and that of the package `ws` have it. */
export interface WebSocketLike {
  onmessage: any;
  onclose: any;
  onerror: any;
  send(data: string): void;
  close(code?: number): void;
}

/** The handlers and settings of a channel. Handlers are read when their event happens, so they may be set later. */
export interface ChannelOptions {
  /** The socket's address; by default `/v1/socket` where this module was loaded from. */
  url?: string;
  /** The first connection is there. Reconnects are silent; see `onstatus`. */
  onopen?: () => void;
  /** A message has come: in order, each once. */
  onmessage?: (message: Message) => void;
  /** Messages were lost, and from where delivery goes on. */
  ongap?: (gap: Gap) => void;
  /** The server ended the channel for good; `onclose` follows. */
  onerror?: (why: Closed) => void;
  /** The channel has ended, by `close()` or for good: once, and never inside the call of `close()`. */
  onclose?: (why: Closed) => void;
  /** Every change of `state`. */
  onstatus?: (state: State) => void;
  /** Start after this cursor instead of at the token's own position. */
  after?: string;
  /** Which transports to try, in this order: `websocket`, `sse`, `longpoll` unless told otherwise. */
  transports?: TransportName[];
  /** Tell the server, at most once a second, up to where messages were handled. */
  ack?: boolean;
  /** In place of the global `WebSocket`, for runtimes without one. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}
