/** Cuts the items of `sendMany` into calls, and puts the answers back in order. No I/O. */
import { unexpectedAnswer } from './answers.js';
import { DownlinkError } from './errors.js';
import type { Item, ItemResult } from './models.js';
import { type Call, encodeItem, isStored, sendItems } from './requests.js';

/** The server's limits for one call. */
export const ITEMS_MAX = 10_000;
export const BYTES_MAX = 16 * 1024 * 1024;

/** Items that travel in one call, and their places among all. */
export class Batch {
  readonly places: number[] = [];
  readonly #items: string[] = [];
  #bytes = '[]'.length;
  #repeatable = true;

  /** Always true while empty: the server tells why one item alone is too large. */
  hasRoomFor(encoded: string): boolean {
    if (this.#items.length === 0) return true;
    const fits = this.#bytes + Buffer.byteLength(encoded) + ','.length <= BYTES_MAX;
    return fits && this.#items.length < ITEMS_MAX;
  }

  /** Takes an item that there is room for. */
  add(place: number, encoded: string, repeatable: boolean): void {
    this.#repeatable &&= repeatable;
    this.#bytes += Buffer.byteLength(encoded) + ','.length;
    this.#items.push(encoded);
    this.places.push(place);
  }

  /** The call that sends these items. */
  call(): Call<ItemResult[]> {
    return sendItems(this.#items, this.#repeatable);
  }
}

/** One run of `sendMany`: hands out calls, takes answers, gives one result per item. */
export class SendMany {
  readonly #items: Iterable<Item> | AsyncIterable<Item>;
  readonly #results: (ItemResult | undefined)[] = [];
  #anyAnswer = false;
  #failure: DownlinkError | undefined;

  constructor(items: Iterable<Item> | AsyncIterable<Item>) {
    this.#items = items;
  }

  /** The calls to make, one after the other; items are read only as they are needed. */
  async *batches(): AsyncGenerator<Batch, void, void> {
    let batch = new Batch();
    for await (const item of this.#items) {
      const encoded = this.#encode(item);
      if (encoded === undefined) continue;
      if (!batch.hasRoomFor(encoded)) {
        yield* this.#unlessFailed(batch);
        batch = new Batch();
      }
      batch.add(this.#results.push(undefined) - 1, encoded, isStored(item.ttl));
    }
    if (batch.places.length > 0) yield* this.#unlessFailed(batch);
  }

  /** Takes the answers to a batch. */
  answered(batch: Batch, answers: readonly ItemResult[]): void {
    if (answers.length !== batch.places.length) {
      throw unexpectedAnswer('The answer has another number of results than items sent.');
    }
    this.#anyAnswer = true;
    batch.places.forEach((place, index) => {
      this.#results[place] = answers[index];
    });
  }

  /**
   * Takes the failure of a whole call.
   *
   * Thrown if it is the first call. Later it becomes the result of each item that is left, or the caller would not learn
   * what became of those before.
   */
  failed(batch: Batch, failure: DownlinkError): void {
    if (!this.#anyAnswer) throw failure;
    this.#failure = failure;
    this.#refuse(batch, failure);
  }

  /** One result per item, in the order of the items. */
  results(): ItemResult[] {
    // Every item was answered, refused or failed by now.
    return this.#results as ItemResult[];
  }

  /** The item as it travels, or nothing if it is refused here already. */
  #encode(item: Item): string | undefined {
    try {
      return encodeItem(item);
    } catch (refusal) {
      if (!(refusal instanceof DownlinkError)) throw refusal;
      this.#results.push({ code: refusal.code, detail: refusal.detail });
      return undefined;
    }
  }

  *#unlessFailed(batch: Batch): Generator<Batch, void, void> {
    if (this.#failure === undefined) yield batch;
    else this.#refuse(batch, this.#failure);
  }

  #refuse(batch: Batch, { code, detail }: DownlinkError): void {
    for (const place of batch.places) this.#results[place] = { code, detail };
  }
}
