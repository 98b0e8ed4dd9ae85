/** The client: what an application calls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readAnswer } from './answers.js';
import { NoAnswer } from './attempt.js';
import { SendMany } from './batches.js';
import { DownlinkError } from './errors.js';
import { exchange } from './exchange.js';
import type { Channel, ChannelState, Data, Item, ItemResult, MessagesPage, Sent } from './models.js';
import * as requests from './requests.js';
import { Tries } from './retry.js';
import { resolveApiKey, resolveUrl } from './settings.js';
import { VERSION } from './version.js';

/** Where Downlink is, and how to ask. */
export interface ClientOptions {
  /** `DOWNLINK_URL` unless given, or else `http://127.0.0.1:7171`. */
  readonly url?: string | undefined;
  /** `DOWNLINK_API_KEY` unless given. */
  readonly apiKey?: string | undefined;
  /** Bounds each wait for an answer to begin, and for each piece of it; 5 seconds unless given. */
  readonly timeoutMs?: number | undefined;
}

/** How to send one message. */
export interface SendOptions {
  /** Seconds after which nobody needs the message any more; 0 reaches only the pages that are there now. */
  readonly ttl?: number | undefined;
  /** Made for you when absent. Give your own to store once across restarts of your program too. */
  readonly idempotencyKey?: string | undefined;
}

const TIMEOUT_MS = 5_000;

const USER_AGENT = `downlink-node/${VERSION} node/${process.versions.node}`;

/**
 * Talks to Downlink. Make one and share it; connections are kept by Node, and there is nothing to close.
 *
 * Every call may reject with a `DownlinkError` (see the classes derived from it). It is tried three times when Downlink
 * cannot be reached or answers 429, 502, 503 or 504; a send bears an idempotency key and so is stored once all the same. Only a
 * send with a TTL of 0, which is not stored, is not tried again once it may have arrived.
 */
export class Client {
  /** Where Downlink is, without a slash at its end. */
  readonly url: string;
  readonly #apiKey: string;
  readonly #timeout_ms: number;

  /** Takes what is given; the environment stands in for the rest. Throws if there is no key, or no such address. */
  constructor({ url, apiKey, timeoutMs = TIMEOUT_MS }: ClientOptions = {}) {
    this.url = resolveUrl(url);
    this.#apiKey = resolveApiKey(apiKey);
    this.#timeout_ms = timeoutMs;
  }

  /**
   * Makes a token with which a page opens the channel of `clientId`.
   *
   * It is good for 2 hours unless asked otherwise (1 to 1440 minutes). Nothing is stored, so create as many as you like; all
   * tokens of a client id lead to the same channel.
   */
  async createChannel(clientId: string, options: { readonly durationMinutes?: number | undefined } = {}): Promise<Channel> {
    return this.#run(requests.createChannel(clientId, options.durationMinutes));
  }

  /**
   * Sends a message to a client id, or to the one that a token is for.
   *
   * A string arrives as text, bytes as binary. Sending to somebody who is not there succeeds. Retries never store a message
   * twice.
   */
  async send(to: string, data: Data, { ttl, idempotencyKey }: SendOptions = {}): Promise<Sent> {
    return this.#run(requests.send(to, data, ttl, idempotencyKey));
  }

  /**
   * Sends many messages in few calls; gives one result per item, in their order.
   *
   * An item that is refused gives an `ItemError` in its place and does not stop the others. Rejects only if nothing was
   * sent; a failure later on gives an `ItemError` for each item that is left.
   */
  async sendMany(items: Iterable<Item> | AsyncIterable<Item>): Promise<ItemResult[]> {
    const run = new SendMany(items);
    for await (const batch of run.batches()) {
      let answers: ItemResult[];
      try {
        answers = await this.#run(batch.call());
      } catch (failure) {
        if (!(failure instanceof DownlinkError)) throw failure;
        run.failed(batch, failure);
        continue;
      }
      run.answered(batch, answers);
    }
    return run.results();
  }

  /** Tells who listens to `clientId`, and how far they are. */
  async channel(clientId: string): Promise<ChannelState> {
    return this.#run(requests.channel(clientId));
  }

  /**
   * The messages still kept for `clientId`, oldest first, page by page.
   *
   * `after` is a cursor; a page's `gap` says if messages behind it are gone.
   */
  async *messages(clientId: string, options: { readonly after?: string | undefined } = {}): AsyncGenerator<MessagesPage, void, void> {
    let { after } = options;
    for (;;) {
      const page = await this.#run(requests.messages(clientId, after));
      yield page;
      if (page.next === null) return;
      after = page.next;
    }
  }

  /** The client ids that have a socket open now. */
  async *presence(): AsyncGenerator<string, void, void> {
    let after: string | undefined;
    for (;;) {
      const page = await this.#run(requests.presence(after));
      yield* page.clientIds;
      if (page.next === null) return;
      after = page.next;
    }
  }

  /**
   * Deletes a channel: ends its sockets, refuses the tokens made for it so far, and makes what is kept unreadable.
   *
   * The client id is as new afterwards: later sends and new tokens work.
   */
  async deleteChannel(clientId: string): Promise<void> {
    return this.#run(requests.deleteChannel(clientId));
  }

  async #run<T>(call: requests.Call<T>): Promise<T> {
    const tries = new Tries(call.repeatable);
    for (;;) {
      let delay_ms: number | undefined;
      try {
        const answer = await exchange({
          url: this.url + call.target,
          method: call.method,
          headers: {
            Accept: 'application/json',
            Authorization: `Bearer ${this.#apiKey}`,
            'User-Agent': USER_AGENT,
            ...call.headers,
          },
          content: call.content,
          timeout_ms: this.#timeout_ms,
        });
        delay_ms = tries.delayAfter(answer.status, answer.retryAfter);
        if (delay_ms === undefined) return readAnswer(answer, call.read);
      } catch (failure) {
        if (!(failure instanceof NoAnswer)) throw failure;
        delay_ms = tries.delayAfterFailure(failure);
      }
      await sleep(delay_ms);
    }
  }
}
