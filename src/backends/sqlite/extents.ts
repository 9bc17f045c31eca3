import type { Committer } from "./committer.ts";
import type { Contents } from "./contents.ts";
import type { Extent, SqliteNode } from "./node.ts";
import type { Transaction } from "./transaction.ts";
import { Unsynced } from "./unsynced.ts";

/** What {@linkcode Extents} works with. */
export interface ExtentsParts {
  readonly transaction: Transaction;
  readonly committer: Committer;
  readonly contents: Contents;
}

/**
 * Keeps the contents beside the database in step with its transactions: what is
 * cut off or removed is so when that is durable and not before, since after a
 * crash a file is to have its old size and bytes or the new ones; and it is gone
 * for good before the file may grow over it again.
 */
export class Extents {
  readonly #parts: ExtentsParts;

  constructor(parts: ExtentsParts) {
    this.#parts = parts;
  }

  /** A new content, which is empty; {@linkcode drop} it should its operation fail. */
  create(): Extent {
    const { contents, transaction } = this.#parts;
    let number = transaction.number();
    // Another program's, or of a database that was lost: its bytes are not
    // ours.
    while (!contents.make(number)) number = transaction.number();
    const unsynced = new Unsynced();
    const extent = { number, isTrimmed: true, cut: undefined, unsynced };
    transaction.otherwise(() => this.drop(extent));
    return extent;
  }

  /** What was {@linkcode create}d is of no use. */
  drop(extent: Extent): void {
    this.#parts.committer.exclude(extent);
    this.#parts.contents.remove(extent.number);
  }

  /** The content of a file that is beside the database. */
  of(file: SqliteNode): Extent {
    // A node that left memory comes back without what was known of its content.
    return file.extent ??= this.#parts.committer.known(file.outside) ?? {
      ...{ number: file.outside, isTrimmed: false, cut: undefined },
      unsynced: new Unsynced(),
    };
  }

  /**
   * What a change of a file waits for before it is made, with the new size and
   * whether all that was written becomes durable with it. Then, and to grow over
   * what was cut off, the content has to be on disk; `undefined` where the next
   * commit can see to that, without keeping other clients waiting.
   */
  ready(
    file: SqliteNode,
    { size, isDurable }: { readonly size: number; readonly isDurable: boolean },
  ): Promise<void> | undefined {
    if (!file.outside) return undefined;
    const extent = this.of(file);
    const { cut, isTrimmed, unsynced } = extent;
    const isOverCut = size > file.size &&
      (cut !== undefined || !isTrimmed || unsynced.isShortened);
    if (!isDurable && !isOverCut) return undefined;
    const { committer } = this.#parts;
    return committer.isLarge(extent) ? committer.flush(extent) : undefined;
  }

  /**
   * What a cut waits for before it is made: the host would wait, on the event
   * loop, for what of it is on its way to the disk.
   */
  readyToCut(file: SqliteNode): Promise<void> | undefined {
    if (!file.outside) return undefined;
    return this.#parts.committer.flushOf(this.of(file));
  }

  /** Makes sure that nothing but zeros is between the end of the file and `size`. */
  prepare(file: SqliteNode, size: number): Extent {
    const { committer, contents } = this.#parts;
    const extent = this.of(file);
    if (size <= file.size) return extent;
    if (extent.cut !== undefined) committer.now();
    if (!extent.isTrimmed) {
      // A crash can leave a tail that was never told of.
      if (contents.measure(extent.number).size > file.size) {
        contents.cut(extent.number, file.size);
        extent.unsynced.shortened();
        committer.watch(extent);
      }
      extent.isTrimmed = true;
    }
    if (extent.unsynced.isShortened) committer.include(extent);
    return extent;
  }

  /** So many bytes were written to the content, and are not on disk yet. */
  written(extent: Extent, bytes: number): void {
    const { committer } = this.#parts;
    extent.unsynced.written(bytes);
    committer.watch(extent);
    committer.flushEarly(extent);
  }

  /** Cuts the content once that is durable; then calls `done`. */
  cut(extent: Extent, size: number, done: () => void): void {
    const { committer, contents, transaction } = this.#parts;
    const before = extent.cut;
    extent.cut = size;
    committer.watch(extent);
    transaction.otherwise(() => this.#uncut(extent, before, done));
    transaction.afterwards(() => {
      // Cut shorter in the meantime, or gone.
      if (extent.cut !== size) return;
      extent.cut = undefined;
      try {
        contents.cut(extent.number, size);
        extent.unsynced.shortened();
      } catch {
        // It is cut before the file grows.
        extent.isTrimmed = false;
      }
      committer.watch(extent);
      done();
    });
  }

  /** Removes the content once that is durable. */
  remove(extent: Extent): void {
    const { committer, contents, transaction } = this.#parts;
    const before = extent.cut;
    extent.cut = undefined;
    committer.exclude(extent);
    transaction.otherwise(() => this.#uncut(extent, before, () => {}));
    transaction.afterwards(() => contents.remove(extent.number));
  }

  /** What was to be cut or removed stays, but for what an earlier transaction has cut. */
  #uncut(extent: Extent, before: number | undefined, done: () => void): void {
    extent.cut = undefined;
    if (before !== undefined) this.cut(extent, before, done);
    else this.#parts.committer.watch(extent);
  }
}
