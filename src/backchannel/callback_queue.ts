/**
 * A bounded queue whose reader is an async iterator: `push` never waits, and
 * says at once when there is no room.
 */
export class CallbackQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  /** Holds up to `limit` items. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Items that wait. */
  get size(): number {
    return this.#items.length;
  }

  /** The items that wait, as they are now. */
  items(): readonly T[] {
    return [...this.#items];
  }

  /** Adds an item; false when the queue is full or closed. */
  push(item: T): boolean {
    if (this.#isClosed || this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** Ends the iteration; returns the items that were not taken. */
  close(): T[] {
    this.#isClosed = true;
    this.#wake?.();
    return this.#items.splice(0);
  }

  /** The items as they come, until the queue is closed. One reader at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (true) {
      while (this.#items.length > 0) yield this.#items.shift()!;
      if (this.#isClosed) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }
}
