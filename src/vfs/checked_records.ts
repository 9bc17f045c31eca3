import type { Awaitable } from "../base/awaitable.ts";
import type { CheckedCalls } from "./checked_calls.ts";
import { UnsoundResult, wrongCount, wrongRows } from "./checks.ts";
import type { ServerRecords } from "./file_system.ts";

/** The records of a file system that is not believed, behind the same door. */
export class CheckedRecords implements ServerRecords {
  readonly #inner: ServerRecords;
  readonly #calls: CheckedCalls;

  constructor(inner: ServerRecords, calls: CheckedCalls) {
    this.#inner = inner;
    this.#calls = calls;
  }

  get changes(): number {
    // Records that can't say have changed: NaN is another than before each time.
    return this.#calls.told("records.changes", () => {
      const { changes } = this.#inner;
      return this.#calls.sound("records.changes", changes, wrongCount);
    }, NaN);
  }

  put(collection: string, key: string, value: Uint8Array): void {
    // The value lies where the next one is written.
    const own = value.slice();
    this.#now("records.put", this.#inner.put(collection, key, own));
  }

  delete(collection: string, key: string): void {
    this.#now("records.delete", this.#inner.delete(collection, key));
  }

  all(collection: string): Awaitable<ReadonlyMap<string, Uint8Array>> {
    const call = { method: "records.all", name: collection };
    return this.#calls.called(
      call,
      () => this.#inner.all(collection),
      wrongRows,
    );
  }

  watch(undone: (collection: string, key: string) => void): void {
    const call = "records.watch";
    // It may be called with anything, and by a timer.
    const heard = (collection: string, key: string) =>
      this.#calls.told(call, () => undone(collection, key), undefined);
    this.#calls.isOver(call, this.#inner.watch?.(heard));
  }

  /** What is done later may fail, when a client counts on it: that is no record. */
  #now(call: string, given: unknown): void {
    if (this.#calls.isOver(call, given)) return;
    throw new UnsoundResult("io", `${call}: a promise`);
  }
}
