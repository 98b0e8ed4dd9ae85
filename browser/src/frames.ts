/** What travels on a socket, whichever transport carries it: the five frames, and the three words a browser may say. */

/** The first frame of every socket. */
export interface OpenFrame {
  type: 'open';
  /** Where the socket starts. Missing on long-poll, whose first answer tells only where it ends. */
  cursor?: string | undefined;
  /** The server's name for this socket; words to it are posted there where the transport has no way back. */
  socket: string;
  /** Seconds between the server's pings, so that silence can be told from idleness. */
  ping: number;
}

/** A message: text as a string, binary as an `ArrayBuffer`. */
export interface MessageFrame {
  type: 'message';
  /** Missing for a message that nobody keeps: it is never sent again, and moves no cursor. */
  id?: string;
  data: string | ArrayBuffer;
}

/** Messages between the page's cursor and this one are no longer kept. */
export interface GapFrame {
  type: 'gap';
  cursor: string;
  reason: string;
}

/** Nothing happened up to this cursor. */
export interface PingFrame {
  type: 'ping';
  /** Missing where only the sign of life counts. */
  cursor?: string;
}

/** The server ends the socket, and says why. */
export interface CloseFrame {
  type: 'close';
  code: number;
  reason: string;
  /** When to come back; a restarting server spreads its returning sockets so. */
  retry_after_ms?: number;
}

/** Any of the five. */
export type Frame = OpenFrame | MessageFrame | GapFrame | PingFrame | CloseFrame;

/** What a browser may say to its socket. */
export type Word = { ack: string } | { token: string } | { close: true };

/** A frame as JSON writes it: a message has no `type`. */
type Written = Frame | { type?: undefined; id?: string | undefined; data?: string; base64?: string };

const KNOWN = ['open', 'gap', 'ping', 'close'];

/** The bytes that base64 stands for. */
export function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/**
 * The frame that a parsed JSON object stands for.
 *
 * What a later server says and this library does not know is a sign of life and nothing more.
 */
export function frameOf(written: Written): Frame {
  if (written.type) return KNOWN.includes(written.type) ? written : { type: 'ping' };
  const { id, data, base64 } = written as { id?: string; data?: string; base64?: string };
  const content = base64 === undefined ? data : bytes(base64).buffer;
  if (content === undefined) return { type: 'ping' };
  return { type: 'message', ...(id && { id }), data: content };
}
