/**
 * The state machine of one channel's connection: idle → connecting → open → waiting → connecting … → closed.
 *
 * It decides when to try, with what, when to give up, and that every message is handed over once. How frames travel
 * is the transports' part; what a page sees of it is that of `channel.ts` and `classic.ts`.
 */
import type { Closed, State } from './api.ts';
import { STABLE_MS, backoff } from './backoff.ts';
import { INVALID_TOKEN, NORMAL, TOKEN_REFUSED, comesBack } from './close.ts';
import { isBeyond, sameEpoch } from './cursor.ts';
import type { CloseFrame, Frame, GapFrame, MessageFrame, OpenFrame } from './frames.ts';
import { Ladder } from './ladder.ts';
import { probe } from './probe.ts';
import { type TokenSource, looksLikeToken } from './token.ts';
import type { Attempt, Link, Sink, Transport } from './transport/transport.ts';
import { type Sign, watchSigns } from './wake.ts';
import { type Web, safely } from './web.ts';

/** How often an open connection is looked at, so that a sleep is noticed this soon after waking. */
const TICK_MS = 5_000;

/** How much longer than the server's ping interval silence may last. */
const SILENCE_SLACK_MS = 10_000;

/** How long the page's function may take to fetch a token; it is another server's time. */
const TOKEN_PATIENCE_MS = 30_000;

/** So many refused tokens in a row end the channel: the page's function then fetches what this server never takes. */
const REFUSALS_MAX = 3;

/** Pause after a renewal that failed, and between acknowledgements. */
const RENEWAL_RETRY_MS = 10_000;
const ACK_INTERVAL_MS = 1_000;

/** What the connection is made of. */
export interface Parts {
  url: string;
  tokens: TokenSource;
  transports: Transport[];
  web: Web;
  after?: string | undefined;
  ack?: boolean | undefined;
}

/** What the connection tells. None of these may throw. */
export interface Events {
  status(state: State): void;
  /** The first open frame; later ones are silent. */
  opened(): void;
  message(message: MessageFrame): void;
  gap(gap: GapFrame): void;
  /** Everything up to this cursor was had. Comes before the message that it is the place of. */
  moved(cursor: string): void;
  /** The end, once, after `close()` has returned. */
  ended(why: Closed): void;
}

/** One life of a channel in a page, from `open` to `close`. */
export class Connection {
  state: State = 'idle';
  cursor: string | undefined;
  readonly #parts: Parts;
  readonly #events: Events;
  readonly #ladder: Ladder;
  #link: Link | undefined;
  /** Ends the look whether a better transport works, if one is under way. */
  #unprobe: Link['close'] | undefined;
  /** Counts everything that makes earlier answers void; who was asked under another number is not heard. */
  #serial = 0;
  /** The one timer of the state: patience while connecting, the look while open, the pause while waiting. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  /** Waits since the last stable connection. */
  #failures = 0;
  /** Refused tokens since the last open frame. */
  #refusals = 0;
  /** Up to when the server asked to be left alone; signs of waking do not override it. */
  #notBefore = 0;
  #openedAt = 0;
  #heardAt = 0;
  #silence_ms = 0;
  #greeted = false;
  #unwatch = (): void => undefined;

  constructor(parts: Parts, events: Events) {
    this.#parts = parts;
    this.#events = events;
    this.#ladder = new Ladder(parts.transports, parts.url);
    this.cursor = parts.after;
  }

  /** Begins to connect; the first event comes later than this call returns, but for `connecting`. */
  open(): void {
    this.#unwatch = watchSigns((sign) => this.#sign(sign));
    this.#connect();
  }

  /** Ends the channel and tells the server that the page leaves. */
  close(why: Closed = { code: NORMAL, reason: '' }): void {
    this.#finish(why, true);
  }

  // === Trying ===

  #connect(): void {
    const serial = this.#drop();
    if (!this.#to('connecting')) return;
    const { tokens } = this.#parts;
    this.#after(TOKEN_PATIENCE_MS, () => {
      tokens.forget();
      this.#wait();
    });
    tokens.get().then(
      (token) => {
        if (serial === this.#serial) this.#start(token);
      },
      (error) => {
        rethrow(error);
        if (serial === this.#serial) this.#wait();
      },
    );
  }

  #start(token: string): void {
    // A function that answers no token has none to give: that ends the channel, as a bad token given outright does.
    if (!looksLikeToken(token)) return this.#finish({ code: TOKEN_REFUSED, reason: INVALID_TOKEN });
    const serial = this.#serial;
    const transport = this.#ladder.current();
    const sink: Sink = {
      frame: (frame) => {
        if (serial === this.#serial) this.#frame(frame);
      },
      end: (answer) => {
        if (serial === this.#serial) this.#ended(answer);
      },
    };
    this.#after(transport.patience_ms, () => this.#ended());
    try {
      this.#link = transport.start(this.#attempt(), sink);
    } catch {
      this.#ladder.impossible();
      this.#ended();
    }
  }

  #attempt(): Attempt {
    const { url, tokens, web } = this.#parts;
    return { url, token: () => tokens.current, after: this.cursor, web };
  }

  #wait(delay_ms = backoff(this.#failures++)): void {
    this.#drop();
    if (this.#to('waiting')) this.#after(delay_ms, () => this.#connect());
  }

  // === Frames ===

  #frame(frame: Frame): void {
    this.#heardAt = Date.now();
    switch (frame.type) {
      case 'open':
        return this.#opened(frame);
      case 'message':
        if (frame.id) {
          if (!isBeyond(frame.id, this.cursor)) return;
          this.#move(frame.id);
          this.#ackSoon();
        }
        return this.#events.message(frame);
      case 'gap':
        // Within one epoch a cursor goes back only where the server says that the log does not reach so far.
        if (frame.reason === 'epoch' || isBeyond(frame.cursor, this.cursor)) this.#move(frame.cursor);
        return this.#events.gap(frame);
      case 'ping':
        // One of another epoch has a gap before it that did not come yet.
        if (frame.cursor && sameEpoch(frame.cursor, this.cursor ?? '') && isBeyond(frame.cursor, this.cursor)) {
          this.#move(frame.cursor);
        }
        return;
      case 'close':
        return this.#ended(frame);
    }
  }

  #opened(frame: OpenFrame): void {
    this.#silence_ms = frame.ping * 1000 + SILENCE_SLACK_MS;
    // On a resume the page's own cursor stands: if this one lies further, it is a gap's business to say so.
    if (!this.cursor && frame.cursor) this.#move(frame.cursor);
    if (this.state === 'open') return;
    this.#openedAt = this.#heardAt;
    this.#refusals = 0;
    this.#ladder.opened();
    this.#watch();
    if (this.#to('open') && !this.#greeted) {
      this.#greeted = true;
      this.#events.opened();
    }
  }

  #move(cursor: string): void {
    this.cursor = cursor;
    this.#events.moved(cursor);
  }

  #ackSoon(): void {
    if (!this.#parts.ack) return;
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      if (this.state === 'open') this.#link?.say({ ack: this.cursor as string });
    }, ACK_INTERVAL_MS);
  }

  // === Looking after an open connection ===

  #watch(): void {
    this.#after(TICK_MS, () => {
      if (this.#silent()) return this.#ended();
      if (Date.now() >= this.#parts.tokens.renewAt) this.#renew();
      this.#climb(this.#ladder.due());
      this.#watch();
    });
  }

  /** By the wall clock, which goes on while the computer sleeps. */
  #silent(): boolean {
    const now = Date.now();
    this.#heardAt = Math.min(this.#heardAt, now);
    return now - this.#heardAt > this.#silence_ms;
  }

  #renew(): void {
    const serial = this.#serial;
    const { tokens } = this.#parts;
    tokens.renewAt = Date.now() + RENEWAL_RETRY_MS;
    tokens.renew().then((token) => {
      if (serial === this.#serial && looksLikeToken(token)) this.#link?.say({ token });
    }, rethrow);
  }

  /** Looks whether one of these works, and moves to it once it is known to; nothing is left before. */
  #climb([transport, ...others]: Transport[]): void {
    if (!transport) return;
    this.#unprobe = probe(transport, this.#attempt(), (works) => {
      if (!works) return this.#climb(others);
      this.#ladder.climb(transport);
      this.#connect();
    });
  }

  #sign(sign: Sign): void {
    if (sign === 'hide') {
      this.#notBefore = 0;
      this.#drop();
      this.#to('waiting');
    } else if (this.state === 'waiting') {
      if (Date.now() >= this.#notBefore) this.#connect();
    } else if (sign === 'online' || (this.state === 'open' && this.#silent())) {
      // What went through the network before may hang for minutes; a new connection costs one round trip.
      this.#connect();
    }
  }

  // === Ends ===

  #ended(answer?: CloseFrame): void {
    const ladder = this.#ladder;
    const opened = this.state === 'open';
    if (opened && Date.now() - this.#openedAt >= STABLE_MS) this.#failures = 0;
    // Only what still came later shows that the transport passes things on.
    if (answer || (opened && this.#heardAt - this.#openedAt >= STABLE_MS)) ladder.held();
    const stopgap = opened && ladder.ended();
    if (answer) this.#answered(answer);
    else if (!stopgap && ladder.failed()) this.#connect();
    else this.#wait();
  }

  #answered(close: CloseFrame): void {
    const { code, reason, retry_after_ms } = close;
    const { tokens } = this.#parts;
    if (code === TOKEN_REFUSED && tokens.renewable && this.#refusals < REFUSALS_MAX) {
      tokens.forget();
      // The first time at once: a token that has timed out is nobody's fault.
      return this.#wait(this.#refusals++ ? undefined : 0);
    }
    if (!comesBack(code)) return this.#finish({ code, reason });
    if (retry_after_ms !== undefined) this.#notBefore = Date.now() + retry_after_ms;
    this.#wait(retry_after_ms);
  }

  #finish(why: Closed, leave = false): void {
    if (this.state === 'closed') return;
    this.#drop(leave);
    clearTimeout(this.#ackTimer);
    this.#unwatch();
    setTimeout(() => this.#events.ended(why));
    this.#to('closed');
  }

  // === Small parts ===

  /** Lets go of what is under way: link, timer, and the right of earlier answers to be heard. */
  #drop(leave = false): number {
    clearTimeout(this.#timer);
    const [link, unprobe] = [this.#link, this.#unprobe];
    this.#link = this.#unprobe = undefined;
    unprobe?.(leave);
    link?.close(leave);
    return ++this.#serial;
  }

  /** Enters a state. False if the page, being told, has moved on to another. */
  #to(state: State): boolean {
    const serial = this.#serial;
    if (state !== this.state) {
      this.state = state;
      this.#events.status(state);
    }
    return serial === this.#serial;
  }

  #after(delay_ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, delay_ms);
  }
}

/** The error of a page's function goes where errors of its handlers go. */
function rethrow(error: unknown): void {
  safely(() => {
    throw error;
  });
}
