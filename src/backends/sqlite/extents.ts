import type { Committer } from "./committer.ts";
import type { Contents } from "./contents.ts";
import type { Extent, SqliteNode } from "./node.ts";
import type { Transaction } from "./transaction.ts";

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

  /** A content that nothing was written to. */
  create(): Extent {
    const number = this.#parts.transaction.number();
    const state = { dirty: false, shortened: false };
    return { number, trimmed: true, cut: undefined, ...state };
  }

  /** The content of a file that is beside the database. */
  of(file: SqliteNode): Extent {
    // A node that left memory comes back without what was known of its content.
    return file.extent ??= this.#parts.committer.known(file.outside) ?? {
      ...{ number: file.outside, trimmed: false, cut: undefined },
      ...{ dirty: false, shortened: false },
    };
  }

  /** Makes sure that nothing but zeros is between the end of the file and `size`. */
  prepare(file: SqliteNode, size: number): Extent {
    const { committer, contents } = this.#parts;
    const extent = this.of(file);
    if (size <= file.size) return extent;
    if (extent.cut !== undefined) committer.now();
    if (!extent.trimmed) {
      // A crash can leave a tail that was never told of.
      if (contents.measure(extent.number).size > file.size) {
        contents.cut(extent.number, file.size);
        extent.shortened = true;
        committer.watch(extent);
      }
      extent.trimmed = true;
    }
    if (extent.shortened) committer.include(extent);
    return extent;
  }

  /** What was written to the content is not on disk yet. */
  written(extent: Extent): void {
    extent.dirty = true;
    this.#parts.committer.watch(extent);
  }

  /** Cuts the content once that is durable; then calls `done`. */
  cut(extent: Extent, size: number, done: () => void): void {
    const { committer, contents, transaction } = this.#parts;
    extent.cut = size;
    committer.watch(extent);
    transaction.afterwards(() => {
      // Cut shorter in the meantime, or gone.
      if (extent.cut !== size) return;
      extent.cut = undefined;
      extent.shortened = true;
      contents.cut(extent.number, size);
      committer.watch(extent);
      done();
    });
  }

  /** Removes the content once that is durable. */
  remove(extent: Extent): void {
    const { committer, contents, transaction } = this.#parts;
    extent.cut = undefined;
    committer.exclude(extent);
    transaction.afterwards(() => contents.remove(extent.number));
  }
}
