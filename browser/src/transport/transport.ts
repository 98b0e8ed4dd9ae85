/** What a transport is: it carries one socket's frames, and says when it cannot any more. */
import type { TransportName } from '../api.ts';
import type { CloseFrame, Frame, Word } from '../frames.ts';
import type { Web } from '../web.ts';

/** What one try to open a socket needs. */
export interface Attempt {
  /** The socket's address, http or https. */
  url: string;
  /** The newest token; asked for again by transports that make more than one request. */
  token: () => string;
  /** The cursor to resume from. */
  after: string | undefined;
  web: Web;
}

/** Where a transport puts what it has. Calls after `end` are ignored. */
export interface Sink {
  /** A frame has come. After a close frame the transport need not say more. */
  frame(frame: Frame): void;
  /** The socket is over: with the server's answer, or without one, which may be the transport's own fault. */
  end(answer?: CloseFrame): void;
}

/** An open or opening socket. */
export interface Link {
  say(word: Word): void;
  /** Ends the socket; with `leave` the server is told that the page will not come back. */
  close(leave: boolean): void;
}

/** One way for frames to travel. */
export interface Transport {
  name: TransportName;
  /** How long the open frame may take before something on the way is taken to hold it back. */
  patience_ms: number;
  /** Opens a socket. It may throw, which is an end without answer, but tells the sink only after it has returned. */
  start(attempt: Attempt, sink: Sink): Link;
}

/** The address of an attempt with what the transport wants to add to its query. */
export function address(attempt: Attempt, query: Record<string, string | number | undefined> = {}): URL {
  const url = new URL(attempt.url);
  for (const [name, value] of Object.entries({ after: attempt.after, ...query })) {
    if (value !== undefined) url.searchParams.set(name, `${value}`);
  }
  return url;
}
