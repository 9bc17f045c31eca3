import { promised, type Steps, take, wait } from "../../base/awaitable.ts";
import type { Committer } from "./committer.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import { assertThere, type Contents, mayHaveHoles } from "./contents.ts";
import type { Extent, SqliteNode } from "./node.ts";
import type { Transaction } from "./transaction.ts";
import { Unsynced } from "./unsynced.ts";

/** Of a content of which nothing is to be cut off. */
const UNCUT = { cut: undefined, cutting: undefined } as const;

/** What {@linkcode Extents} works with. */
export interface ExtentsParts {
  readonly transaction: Transaction;
  readonly committer: Pick<Committer, "settleAhead">;
  readonly syncs: ContentSyncs;
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
    const unsynced = new Unsynced({ isKnown: true });
    const known = { isTrimmed: true, isWhole: true };
    const extent = { number, ...known, ...UNCUT, unsynced };
    transaction.otherwise(() => this.drop(extent));
    return extent;
  }

  /** What was {@linkcode create}d is of no use. */
  drop(extent: Extent): void {
    this.#parts.syncs.exclude(extent);
    this.#parts.contents.remove(extent.number);
  }

  /** The content of a file that is beside the database. */
  of(file: SqliteNode): Extent {
    // A node that left memory, or is of an earlier life, comes without what was known of
    // its content: it may have been cut, and the disk not know of it.
    return file.extent ??= this.#parts.syncs.known(file.outside) ?? {
      ...{ number: file.outside, isTrimmed: false, isWhole: false, ...UNCUT },
      unsynced: new Unsynced({ isKnown: false }),
    };
  }

  /**
   * The same where it has all that the file's row has counted, else throws "io": what
   * is gone would count as a hole once the file was changed. Looked at once, as it is
   * while no server has it that it loses something, by fsck or a restore.
   */
  whole(file: SqliteNode): Extent {
    const extent = this.of(file);
    if (!extent.isWhole) assertThere(this.#parts.contents, file);
    extent.isWhole = true;
    return extent;
  }

  /**
   * What a change of a file waits for before it is made, with the new size and
   * whether all that was written becomes durable with it. Where the file grows,
   * nothing but zeros may be beyond its end. Then, and to grow over what was cut
   * off, the content has to be on disk; `undefined` where the next commit can see
   * to that, without keeping other clients waiting.
   */
  ready(
    file: SqliteNode,
    { size, isDurable, isMeasured = false }: {
      readonly size: number;
      readonly isDurable: boolean;
      /** Whether what the content takes is told by the host afterwards, wherever the file grows or not. */
      readonly isMeasured?: boolean;
    },
  ): Promise<void> | undefined {
    if (!file.outside) return undefined;
    const { committer, syncs } = this.#parts;
    const extent = this.of(file);
    const isGrowing = size > file.size;
    const isToBeMeasured = isMeasured || isGrowing || mayHaveHoles(file);
    // A crash can leave a tail that was never told of: it is not to be counted.
    const isToBeTrimmed = isToBeMeasured && !extent.isTrimmed;
    // Until the smaller size is durable, what is beyond it is no such tail.
    if (extent.cut !== undefined && (isGrowing || isToBeTrimmed)) {
      const settled = committer.settleAhead();
      if (settled !== undefined) return settled;
    }
    if (extent.cutting !== undefined) return extent.cutting;
    if (isToBeTrimmed) {
      const trimmed = promised(take(this.#trim(extent, file.size)));
      if (trimmed !== undefined) return trimmed;
    }
    const isOverCut = isGrowing && extent.unsynced.isShortened;
    if (!isDurable && !isOverCut) return undefined;
    return syncs.isLarge(extent) ? syncs.flush(extent) : undefined;
  }

  /**
   * What a cut waits for before it is made: the host would wait, on the event
   * loop, for what of it is on its way to the disk.
   */
  readyToCut(file: SqliteNode): Promise<void> | undefined {
    if (!file.outside) return undefined;
    const extent = this.of(file);
    return extent.cutting ?? this.#parts.syncs.flushOf(extent);
  }

  /** What waits until nothing changes the content of a file any more, and it can be shared. */
  readyToShare(file: SqliteNode): Promise<void> | undefined {
    // A cut that is not durable would be made later.
    const settled = this.of(file).cut === undefined
      ? undefined
      : this.#parts.committer.settleAhead();
    const { size } = file;
    return settled ??
      this.ready(file, { size, isDurable: true, isMeasured: true });
  }

  /** What a look at the bytes of a content waits for. */
  cuttingOf(number: number): Promise<void> | undefined {
    return this.#parts.syncs.known(number)?.cutting;
  }

  /** Has what reads or changes a file wait for `work` on its content, whatever comes of that. */
  async during(extent: Extent, work: Promise<void>): Promise<void> {
    const { syncs } = this.#parts;
    try {
      await take(this.#during(extent, work));
    } finally {
      // Not that of a file that is gone by now.
      if (syncs.known(extent.number) === extent) syncs.watch(extent);
    }
  }

  /** The content, which is {@linkcode ready} for the file to have `size`. */
  prepare(file: SqliteNode, size: number): Extent {
    const extent = this.whole(file);
    const isOverCut = size > file.size && extent.unsynced.isShortened;
    if (isOverCut) this.#parts.syncs.include(extent);
    return extent;
  }

  /**
   * So many bytes were written to the content, and are not on disk there yet; they are
   * in the journal where that `isLogged`.
   */
  written(
    extent: Extent,
    bytes: number,
    how: { readonly isLogged: boolean },
  ): void {
    const { syncs } = this.#parts;
    extent.unsynced.written(bytes, how);
    syncs.watch(extent);
    syncs.flushEarly(extent);
  }

  /** A write beyond the end of the file has failed, and may have left something there. */
  unwritten(extent: Extent, size: number): void {
    take(this.#tryToTrim(extent, size));
  }

  /** Cuts the content once that is durable; then calls `done`. */
  cut(extent: Extent, size: number, done: () => void): void {
    const { syncs, transaction } = this.#parts;
    const before = extent.cut;
    extent.cut = size;
    syncs.watch(extent);
    transaction.otherwise(() => this.#uncut(extent, before, done));
    transaction.afterwards(() => {
      // Cut shorter in the meantime, or gone.
      if (extent.cut !== size) return;
      extent.cut = undefined;
      take(this.#tryToTrim(extent, size, done));
    });
  }

  /** Removes the content once that is durable. */
  remove(extent: Extent): void {
    const { syncs, contents, transaction } = this.#parts;
    const before = extent.cut;
    extent.cut = undefined;
    syncs.exclude(extent);
    transaction.otherwise(() => this.#uncut(extent, before, () => {}));
    transaction.afterwards(() => contents.remove(extent.number));
  }

  /** What can't be cut now is cut before the file grows; never throws. */
  *#tryToTrim(extent: Extent, size: number, done?: () => void): Steps<void> {
    extent.isTrimmed = false;
    try {
      yield* this.#trim(extent, size);
      done?.();
    } catch {
      // Should it last, the client whose file is to grow is told.
    }
  }

  /** Takes away what is beyond the end of a file, which does not grow meanwhile. */
  *#trim(extent: Extent, size: number): Steps<void> {
    const { syncs, contents } = this.#parts;
    const { number, unsynced } = extent;
    if (contents.measure(number).size > size) {
      const cut = promised(contents.cut(number, size));
      if (cut !== undefined) yield* this.#during(extent, cut);
      unsynced.shortened();
      // Not that of a file that is gone by now.
      const isGone = cut !== undefined && syncs.known(number) !== extent;
      if (!isGone) syncs.watch(extent);
    }
    extent.isTrimmed = true;
  }

  /** Others wait for a cut, and whatever comes of it is its own. */
  *#during(extent: Extent, cut: Promise<void>): Steps<void> {
    extent.cutting = cut.catch(() => {});
    this.#parts.syncs.watch(extent);
    try {
      yield* wait(cut);
    } finally {
      extent.cutting = undefined;
    }
  }

  /** What was to be cut or removed stays, but for what an earlier transaction has cut. */
  #uncut(extent: Extent, before: number | undefined, done: () => void): void {
    extent.cut = undefined;
    if (before !== undefined) this.cut(extent, before, done);
    else this.#parts.syncs.watch(extent);
  }
}
