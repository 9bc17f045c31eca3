import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ServerRecords } from "../../vfs/mod.ts";
import { attempt } from "./errors.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Small things that the server itself has to remember: values by key, in named
 * collections. They are in the same transaction as the changes of files around
 * them, and durable once `settle` says so.
 */
export class Records implements ServerRecords {
  readonly #transaction: Transaction;
  /** Keys that the open transaction has changed, in collections. */
  readonly #changed = new Map<string, Set<string>>();
  #watcher: ((collection: string, key: string) => void) | undefined;
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  /** @internal The records of a database. */
  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    // Not REPLACE, which removes the row first and takes twice as long.
    this.#put = db.prepare(
      `INSERT INTO records VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value`,
    );
    this.#get = db.prepare(
      "SELECT value FROM records WHERE collection = ? AND key = ?",
    );
    this.#delete = db.prepare(
      "DELETE FROM records WHERE collection = ? AND key = ?",
    );
    this.#all = db.prepare(
      "SELECT key, value FROM records WHERE collection = ? ORDER BY key",
    );
  }

  /** Operations that changed the store since it was opened. */
  get changes(): number {
    return this.#transaction.operations;
  }

  /** Sets the value of a key; throws an FsError "io" when the store is out of service. */
  put(collection: string, key: string, value: Uint8Array): void {
    this.#transaction.run(() => this.#put.run(collection, key, value));
    this.#note(collection, key);
  }

  /** The value of a key. */
  get(collection: string, key: string): Uint8Array | undefined {
    const row = attempt(() => this.#get.get(collection, key));
    return row?.value as Uint8Array | undefined;
  }

  /** Removes a key, if it is there; throws as {@linkcode put} does. */
  delete(collection: string, key: string): void {
    this.#transaction.run(() => this.#delete.run(collection, key));
    this.#note(collection, key);
  }

  /** All of a collection, in order of the keys. */
  all(collection: string): Map<string, Uint8Array> {
    const rows = attempt(() => this.#all.all(collection)) as {
      key: string;
      value: Uint8Array;
    }[];
    return new Map(rows.map(({ key, value }) => [key, value]));
  }

  /** {@inheritDoc ServerRecords.watch} */
  watch(undone: (collection: string, key: string) => void): void {
    this.#watcher = undone;
  }

  /** @internal See `Companion.committed`. */
  committed(): void {
    this.#changed.clear();
  }

  /** @internal See `Companion.undone`. */
  undone(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const [collection, keys] of changed) {
      for (const key of keys) this.#watcher?.(collection, key);
    }
  }

  #note(collection: string, key: string): void {
    const keys = this.#changed.get(collection);
    if (keys === undefined) this.#changed.set(collection, new Set([key]));
    else keys.add(key);
  }
}
