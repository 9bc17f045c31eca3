import { promised } from "../../base/awaitable.ts";
import { type CloneRange, FsError } from "../../vfs/mod.ts";
import type { Attributes } from "./attributes.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import { type Contents, pagesOf } from "./contents.ts";
import type { CopyingOut } from "./copying_out.ts";
import type { Extents } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfMove, needOfRanges } from "./needs.ts";
import type { Extent, MutableAttributes, SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { SharedContents } from "./shared_contents.ts";
import {
  addChange,
  partOf,
  type SharedRange,
  type SharedRanges,
  usedOf,
} from "./shared_ranges.ts";
import type { SmallContents } from "./small_contents.ts";
import type { Transaction } from "./transaction.ts";

/** A clone begins with a block of each file. */
export const BLOCK = 4096;

/** What {@linkcode Clones} works with. */
export interface ClonesParts {
  readonly attributes: Attributes;
  readonly contents: Contents;
  readonly copying: CopyingOut;
  readonly extents: Extents;
  readonly mostRanges: number;
  readonly nodes: Pick<NodeTable, "isDue">;
  readonly room: FreeSpace;
  readonly shared: SharedRanges;
  readonly sharing: SharedContents;
  readonly small: SmallContents;
  readonly syncs: ContentSyncs;
  readonly transaction: Transaction;
}

/** What is cloned, and whereto. */
export interface Cloning {
  readonly source: SqliteNode;
  readonly target: SqliteNode;
  readonly range: CloneRange;
}

/**
 * Has files share bytes. What the source has in a content of its own is shared from
 * then on: that is not written to any more, and the source has another one for what it
 * writes next.
 */
export class Clones {
  readonly #parts: ClonesParts;

  constructor(parts: ClonesParts) {
    this.#parts = parts;
  }

  /** The bytes of a source that is in the database: they are copied. */
  copied({ source, range }: Cloning): Uint8Array | undefined {
    if (source.outside !== 0) return undefined;
    const { sourceOffset, length } = range;
    return this.#parts.small.load(source)
      .slice(sourceOffset, sourceOffset + length);
  }

  /** What a clone waits for before it is made, if anything. */
  ready({ source, target, range }: Cloning): Promise<void> | undefined {
    const { copying, extents } = this.#parts;
    const size = Math.max(target.size, range.targetOffset + range.length);
    const isGrowing = { size, isDurable: false, isMeasured: true };
    const shared = this.#hasOwn(source, range)
      ? extents.readyToShare(source)
      : undefined;
    return shared ?? extents.ready(target, isGrowing) ?? copying.ready(target);
  }

  /** See `FileSystem.clone`. */
  clone(cloning: Cloning): void {
    const { source, range } = cloning;
    this.#parts.transaction.assertSound();
    if (this.#hasOwn(source, range)) this.#share(source);
    this.#give(cloning);
  }

  #hasOwn(source: SqliteNode, range: CloneRange): boolean {
    const { sourceOffset, length } = range;
    return this.#parts.sharing
      .pieces(source, sourceOffset, sourceOffset + length)
      .some(({ isShared }) => !isShared);
  }

  /** All that the file has is in shared contents then. */
  #share(file: SqliteNode): void {
    const { attributes, contents, extents, room, shared, syncs, transaction } =
      this.#parts;
    const own = extents.whole(file);
    const { size, used } = contents.measure(own.number);
    const ranges = this.#parts.sharing.pieces(file, 0, file.size)
      .filter(({ isShared }) => !isShared)
      .map(({ offset: start, length, content, at }) => ({
        ...{ start, length, content, at },
        used: Math.min(used, pagesOf(length)),
      }));
    this.#assertFew(file.ranges + ranges.length);
    // Each may have what the content takes, and none of its holes.
    const growth = Math.max(0, file.shared + usedOf(ranges) - file.used);
    room.take({ ...needOfRanges(ranges.length), growth });
    const next = attributes.moved(file);
    const empty = extents.create();
    next.outside = empty.number;
    next.used = next.shared;
    try {
      transaction.run(() => {
        shared.share(own.number, size);
        addChange(next, shared.add(file.fileid, ranges));
      });
    } catch (error) {
      extents.drop(empty);
      throw error;
    }
    attributes.save(file, next);
    file.extent = empty;
    // No range may be of bytes that are not on disk, nor the journal write to it.
    syncs.include(own, { isFirst: true });
  }

  /** Gives the target the ranges of the source, all of whose bytes are shared. */
  #give({ source, target, range }: Cloning): void {
    const { attributes, extents, room, shared, small, transaction } =
      this.#parts;
    const { sourceOffset, targetOffset, length } = range;
    const [start, end] = [targetOffset, targetOffset + length];
    const moved = targetOffset - sourceOffset;
    const given = this.#partsOf(source, sourceOffset, sourceOffset + length)
      .map((part) => ({ ...part, start: part.start + moved }));
    const had = this.#partsOf(target, start, end);
    const need = needOfRanges(given.length + had.length);
    const growth = usedOf(given) - usedOf(had);
    room.take({ ...need, growth: Math.max(0, growth) });
    const next = attributes.written(target, Math.max(target.size, end));
    const old = target.outside ? undefined : small.load(target);
    const extent = old === undefined
      ? extents.prepare(target, next.size)
      : this.#moved(target, old, next);
    try {
      transaction.run(() => {
        addChange(next, shared.take(target.fileid, start, end));
        addChange(next, shared.add(target.fileid, given));
        this.#assertFew(next.ranges);
        if (old !== undefined) small.move(target, old, extent);
      });
    } catch (error) {
      if (old !== undefined) extents.drop(extent);
      throw error;
    }
    attributes.save(target, next);
    target.extent = extent;
    const { number } = extent;
    const isBelow = old === undefined &&
      this.#parts.contents.measure(number).size > start;
    if (!isBelow) return;
    const giveBack = () => this.#giveBack(target, { number, start, end });
    transaction.afterwards(giveBack);
  }

  /** The parts of ranges of a file from one byte to another. */
  #partsOf(
    { fileid, ranges }: SqliteNode,
    start: number,
    end: number,
  ): SharedRange[] {
    if (ranges === 0) return [];
    return this.#parts.shared.within(fileid, start, end)
      .map((range) => partOf(range, start, end));
  }

  /** A content for a file that leaves the database. */
  #moved(
    file: SqliteNode,
    old: Uint8Array,
    next: MutableAttributes,
  ): Extent {
    const { contents, extents, room } = this.#parts;
    room.take(needOfMove(file));
    const extent = extents.create();
    try {
      if (old.length > 0) contents.write(extent.number, 0, old);
      extents.written(extent, old.length, { isLogged: false });
      next.used = contents.measure(extent.number).used;
    } catch (error) {
      extents.drop(extent);
      throw error;
    }
    next.outside = extent.number;
    return extent;
  }

  /**
   * What a file has in its own content below its ranges is of no use, once they are
   * durable. It stays where some of it was written to meanwhile.
   */
  #giveBack(
    file: SqliteNode,
    { number, start, end }: {
      readonly number: number;
      readonly start: number;
      readonly end: number;
    },
  ): void {
    const { attributes, contents, extents, nodes, transaction } = this.#parts;
    const isThere = () =>
      !file.isGone && !file.isForgotten && file.outside === number;
    if (!isThere() || !contents.hasRanges) return;
    if (nodes.isDue(file)) {
      // Its ranges may be of the open transaction, and what is below durable alone.
      return transaction.afterwards(() =>
        this.#giveBack(file, { number, start, end })
      );
    }
    const measure = () => {
      if (!isThere()) return;
      attributes.measured(file, contents.measure(number).used);
    };
    try {
      const extent = extents.of(file);
      const covered = this.#partsOf(file, start, end)
        .reduce((sum, { length }) => sum + length, 0);
      if (covered < end - start || extent.cutting !== undefined) return;
      // What reads there began before the clone, and reads again.
      file.givenBack++;
      const punched = promised(contents.punch(number, start, end));
      if (punched === undefined) return measure();
      extents.during(extent, punched.then(measure)).catch(() => {});
    } catch {
      // It takes its room for longer, and is counted.
    }
  }

  #assertFew(ranges: number): void {
    const { mostRanges } = this.#parts;
    if (ranges <= mostRanges) return;
    throw new FsError("too-big", `more than ${mostRanges} shared ranges`);
  }
}
