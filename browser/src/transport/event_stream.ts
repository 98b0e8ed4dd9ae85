/**
 * Server-sent events, parsed from text in pieces of any size.
 *
 * It knows the format's rules for lines and fields, and what Downlink's events stand for; it does not read streams.
 */
import { type Frame, bytes, frameOf } from '../frames.ts';

/** Feed it the text as it comes, and it yields frames. */
export class EventStream {
  /** The beginning of a line whose end has not come. */
  #rest = '';
  /** The last piece ended in CR: a LF at the start of the next one belongs to it. */
  #cr = false;
  #event = '';
  #data: string[] = [];
  #id: string | undefined;

  /** The frames that this piece completes. */
  *feed(piece: string): Generator<Frame> {
    if (!piece) return;
    const text = this.#cr && piece[0] === '\n' ? piece.slice(1) : piece;
    this.#cr = piece.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n?|\n/);
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      if (line) {
        this.#field(line);
      } else {
        const frame = this.#dispatch();
        if (frame) yield frame;
      }
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    if (name === 'event') this.#event = value;
    if (name === 'id' && !value.includes('\0')) this.#id = value;
  }

  #dispatch(): Frame | undefined {
    const event = this.#event;
    const data = this.#data;
    const id = this.#id;
    this.#event = '';
    this.#data = [];
    this.#id = undefined;
    if (!data.length) return id ? { type: 'ping', cursor: id } : undefined;
    return frameFrom(event, data.join('\n'), id);
  }
}

function frameFrom(event: string, data: string, id: string | undefined): Frame {
  switch (event) {
    case '':
    case 'message':
      return frameOf({ id, data });
    case 'binary':
      return frameOf({ id, base64: data });
    case 'base64text':
      // A text with CR: lines of an event cannot carry it. A byte order mark in it is the sender's own.
      return frameOf({ id, data: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(data)) });
    case 'ready':
    case 'gap':
    case 'closing':
      return frameOf(JSON.parse(data));
    default:
      return { type: 'ping' };
  }
}
