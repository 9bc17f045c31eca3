import { fewAtOnce } from "../../base/few_at_once.ts";
import { BusyContents } from "./busy_contents.ts";
import { CommitContents } from "./commit_contents.ts";
import type { ContentJournal } from "./content_journal.ts";
import type { Contents } from "./contents.ts";
import { Flushes } from "./flushes.ts";
import type { Extent } from "./node.ts";
import type { Durability } from "./options.ts";
import type { Transaction } from "./transaction.ts";

/** Contents that are not all on disk, from which on they are brought there. */
const MOST_WATCHED = 1024;
/** Contents that are brought there at once beside the commits, which have 15 threads together with them. */
const TRIMMED_AT_ONCE = 4;
/** The same for a commit, which has a thread for the log as well. */
const COMMITTED_AT_ONCE = 10;
/** A content with more for the disk than so many commits would bring there is flushed early. */
export const MANY_COMMITS: number = 16;

/** What {@linkcode ContentSyncs} works with. */
export interface ContentSyncsParts {
  /** The open changes. */
  readonly transaction: Transaction;
  /** The files beside the database. */
  readonly contents: Contents;
  /** What was written there and is not known to be on disk. */
  readonly journal: ContentJournal;
  /** Bytes of contents that a commit brings to disk itself, while all replies wait for it. */
  readonly commitBytes: number;
  /** What a commit promises. */
  readonly durability: Durability;
}

/**
 * How contents come to disk: before a commit, together with it, or beside all
 * commits, and what is known of those that are not all there.
 */
export class ContentSyncs {
  readonly #parts: ContentSyncsParts;
  /** Contents that are not all on disk, or are to be cut, or are being cut. */
  readonly #watched = new Map<number, Extent>();
  /** What the next commit brings to disk of them. */
  readonly #included = new CommitContents();
  /** Contents that are brought there by themselves. */
  readonly #flushes = new Flushes((extent) =>
    this.#flush(extent.number, extent)
  );
  /** Tells which contents are synced themselves and not journaled. */
  readonly #busy = new BusyContents();
  #trimming: Promise<void> | undefined = undefined;
  #isEnding = false;

  /** All is on disk. */
  constructor(parts: ContentSyncsParts) {
    this.#parts = parts;
  }

  /** What is known of a content that is not all on disk. */
  known(number: number): Extent | undefined {
    return this.#watched.get(number);
  }

  /** Keeps what is known of a content for as long as it matters. */
  watch(extent: Extent): void {
    const { number, unsynced, cut, cutting } = extent;
    const isUnsynced = this.#parts.durability === "full" &&
      (unsynced.isAny || this.#parts.journal.last(number) !== undefined);
    const isCut = cut !== undefined || cutting !== undefined;
    if (isUnsynced || isCut) this.#watched.set(number, extent);
    else this.#watched.delete(number);
  }

  /** Counts a small durable write, and says whether it is better synced than journaled. */
  isBusy({ number }: Extent): boolean {
    return this.#busy.note(number);
  }

  /** The next commit also makes durable what was done to this content; it waits for one that `isFirst`. */
  include(
    extent: Extent,
    how: { readonly isFirst: boolean } = { isFirst: false },
  ): void {
    if (this.#parts.durability !== "full") return;
    const { unsynced, number } = extent;
    // Its rows leave the journal with the commit, and a file that was cut and
    // grows would show what was cut off: both only when the content is on disk.
    const isFirst = how.isFirst || unsynced.isShortened ||
      this.#parts.journal.last(number) !== undefined;
    if (isFirst || unsynced.isAny) this.#included.add(extent, { isFirst });
  }

  /** The same for all that has something that the journal does not have. */
  includeBare(): void {
    for (const extent of this.#watched.values()) {
      if (extent.unsynced.isBare) this.include(extent);
    }
  }

  /** Whether the next commit makes any content durable. */
  get areIncluded(): boolean {
    return this.#included.isAny;
  }

  /** Whether one must be on disk before that commit may be. */
  get hasFirst(): boolean {
    return this.#included.hasFirst;
  }

  /** Whether so much was written to a content that no commit should bring it to disk. */
  isLarge({ unsynced }: Extent): boolean {
    const { durability, commitBytes } = this.#parts;
    return durability === "full" && unsynced.bytes > commitBytes;
  }

  /** Whether the next commit should bring the content to disk, with those that it has. */
  fits({ unsynced }: Extent): boolean {
    const { durability, commitBytes } = this.#parts;
    return durability !== "full" || unsynced.bytes === 0 ||
      this.#included.bytes + unsynced.bytes <= commitBytes;
  }

  /** Brings what was done to a content up to now to disk, before a commit and not in it. */
  flush(extent: Extent): Promise<void> {
    return this.#flushes.cover(extent);
  }

  /** The flush of the content that is under way, if there is one. */
  flushOf(extent: Extent): Promise<void> | undefined {
    return this.#flushes.of(extent);
  }

  /**
   * Begins to flush a content to which much was written, so that its COMMIT finds
   * little: while the host writes out gigabytes at once, the fsync of the log may
   * take as long.
   */
  flushEarly(extent: Extent): void {
    const { durability, commitBytes } = this.#parts;
    const isMuch = extent.unsynced.bytes > MANY_COMMITS * commitBytes;
    if (durability === "full" && isMuch) this.#flushes.begin(extent);
  }

  /** The content is going. */
  exclude(extent: Extent): void {
    this.#included.delete(extent);
    this.#watched.delete(extent.number);
  }

  /** Syncs what must be on disk before the commit. */
  async syncFirst(): Promise<void> {
    const extents = this.#included.takeFirst();
    const { contents, transaction } = this.#parts;
    const lasts = extents.map((extent) => this.#clean(extent));
    await transaction.synced(
      fewAtOnce(
        extents,
        COMMITTED_AT_ONCE,
        ({ number }) => contents.sync(number),
      ),
    );
    for (const [index, { number }] of extents.entries()) {
      this.#forget(number, lasts[index]);
    }
  }

  /** Syncs what must be on disk together with the commit, which was made just now. */
  async syncOthers(): Promise<void> {
    const { contents } = this.#parts;
    const extents = this.#included.takeOthers();
    for (const extent of extents) this.#clean(extent);
    await fewAtOnce(
      extents,
      COMMITTED_AT_ONCE,
      ({ number }) => contents.sync(number),
    );
  }

  /** What was written up to now has been committed. */
  committed(): void {
    this.#busy.committed();
  }

  /** Brings contents to disk, beside the commits, where too many or the journal's wait for it. */
  trim(): void {
    const isMuch = this.#parts.journal.isLong ||
      this.#watched.size > MOST_WATCHED;
    if (isMuch && !this.#isEnding) this.#trimming ??= this.#trim();
  }

  /** Ends that: what the journal has stays there. */
  end(): void {
    this.#isEnding = true;
  }

  /** Resolves when nothing is on its way to the disk beside the commits, whatever became of it. */
  async ended(): Promise<void> {
    await Promise.all([this.#trimming, this.#flushes.ended()]);
  }

  async #trim(): Promise<void> {
    const { journal } = this.#parts;
    const numbers = this.#watched.size > MOST_WATCHED
      ? [...this.#watched.keys()]
      : journal.numbers();
    try {
      await fewAtOnce(numbers, TRIMMED_AT_ONCE, async (number) => {
        if (!this.#isEnding) await this.#flush(number);
      });
    } catch {
      // The store has failed, and the next caller is told so.
    } finally {
      this.#trimming = undefined;
    }
  }

  /** Brings a content to disk, and then its rows out of the journal, while the service goes on. */
  async #flush(
    number: number,
    extent = this.#watched.get(number),
  ): Promise<void> {
    const { contents, journal, transaction } = this.#parts;
    const progress = extent?.unsynced.progress;
    const last = journal.last(number);
    await transaction.synced(contents.sync(number));
    if (extent !== undefined && progress !== undefined) {
      extent.unsynced.synced(progress);
      // Not that of a file that is gone by now.
      if (this.#watched.has(number)) this.watch(extent);
    }
    try {
      this.#forget(number, last);
    } catch {
      // There is no room, and the rows can stay; or the store has failed.
    }
  }

  /** The content is about to be synced; returns its last row in the journal. */
  #clean(extent: Extent): number | undefined {
    extent.unsynced.synced(extent.unsynced.progress);
    this.watch(extent);
    return this.#parts.journal.last(extent.number);
  }

  /** The rows up to `last` are in the content, and that is on disk. */
  #forget(number: number, last: number | undefined): void {
    const { transaction, journal } = this.#parts;
    // Gone in the meantime, and its rows with it.
    if (last === undefined || journal.last(number) === undefined) return;
    transaction.run(() => journal.forget(number, last));
    const extent = this.#watched.get(number);
    if (extent !== undefined) this.watch(extent);
  }
}
