import type { Stability } from "../../vfs/mod.ts";
import type { Attributes } from "./attributes.ts";
import type { ContentJournal } from "./content_journal.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import { type Contents, mayHaveHoles, pagesOf } from "./contents.ts";
import type { Extents } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfWrite } from "./needs.ts";
import type { Extent, MutableAttributes, SqliteNode } from "./node.ts";
import { addChange, type SharedRanges } from "./shared_ranges.ts";
import { INSIDE, type SmallContents } from "./small_contents.ts";
import type { Transaction } from "./transaction.ts";

/** Longest durable write that goes through the journal; above, an fsync of the content is cheaper. */
export const JOURNALED: number = 32_768;

/** What {@linkcode Writes} works with. */
export interface WritesParts {
  readonly attributes: Attributes;
  readonly contents: Contents;
  readonly extents: Extents;
  readonly journal: ContentJournal;
  readonly room: FreeSpace;
  readonly shared: SharedRanges;
  readonly small: SmallContents;
  readonly syncs: ContentSyncs;
  readonly transaction: Transaction;
}

/** Bytes to write, and how safe they are to be. */
export interface Write {
  readonly data: Uint8Array;
  readonly stability: Stability;
}

/** Writes to files: into the database, beside it, and out of it for one that gets too long. */
export class Writes {
  readonly #parts: WritesParts;

  constructor(parts: WritesParts) {
    this.#parts = parts;
  }

  /** Writes all of `data` and returns how stable that is, once it is settled. */
  write(file: SqliteNode, offset: number, how: Write): Stability {
    const { room } = this.#parts;
    const { length } = how.data;
    const end = offset + length;
    if (file.outside || end > INSIDE) {
      const isShared = this.isShared(file, offset, length);
      // What takes the place of shared bytes is on disk before they go.
      const safe: Write = isShared ? { ...how, stability: "file" } : how;
      const unshared = isShared
        ? this.#parts.shared.growthBy(file.fileid, offset, end)
        : undefined;
      const isLogged = fitsLog(safe);
      room.take(needOfWrite(file, { offset, length, isLogged, unshared }));
      this.#parts.transaction.assertSound();
      return file.outside
        ? this.#beside(file, offset, { ...safe, isShared })
        : this.#moving(file, offset, how);
    }
    const growth = end - file.size;
    const inDatabase = Math.max(length, growth);
    room.take({ growth, inDatabase, beside: 0 });
    this.inside(file, offset, how.data);
    return "file";
  }

  /** Writes to a file in the database, where there is room for it. */
  inside(file: SqliteNode, offset: number, data: Uint8Array): void {
    const { attributes, small, transaction } = this.#parts;
    const old = small.load(file);
    const content = new Uint8Array(Math.max(old.length, offset + data.length));
    content.set(old);
    content.set(data, offset);
    const next = attributes.written(file, content.length);
    next.used = content.length;
    transaction.run(() => small.put(file, content));
    attributes.save(file, next);
    small.keep(file, content);
  }

  /** Writes to a file that is beside the database. */
  #beside(
    file: SqliteNode,
    offset: number,
    how: Write & { readonly isShared: boolean },
  ): Stability {
    const { attributes, contents, extents, journal, syncs, transaction } =
      this.#parts;
    const { data, stability, isShared } = how;
    const end = Math.max(file.size, offset + data.length);
    const extent = extents.prepare(file, end);
    const next = attributes.written(file, end);
    const isLogged = fitsLog(how) &&
      !(isShared && journal.isFull) &&
      (syncs.isLarge(extent) || !syncs.isBusy(extent));
    try {
      contents.write(extent.number, offset, data);
      extents.written(extent, data.length, { isLogged });
      const mayTakeMore = end > file.size || mayHaveHoles(file) || isShared;
      if (mayTakeMore) this.#measure(extent, next);
      if (stability === "unstable") {
        attributes.keep(file, next);
        return stability;
      }
      const statements = () => {
        if (isShared) this.#unshare(file, next, offset, data.length);
        if (isLogged) journal.add(extent.number, offset, data);
      };
      transaction.run(isShared || isLogged ? statements : undefined);
    } catch (error) {
      if (end > file.size) extents.unwritten(extent, file.size);
      throw error;
    }
    const isFirst = isShared;
    return this.#written(file, next, { extent, stability, isLogged, isFirst });
  }

  /** Whether any byte of a range is in a shared content. */
  isShared(
    { fileid, ranges }: SqliteNode,
    offset: number,
    length: number,
  ): boolean {
    if (ranges === 0) return false;
    return this.#parts.shared.within(fileid, offset, offset + length)
      .length > 0;
  }

  #unshare(
    { fileid }: SqliteNode,
    next: MutableAttributes,
    offset: number,
    length: number,
  ): void {
    const { shared } = this.#parts;
    addChange(next, shared.take(fileid, offset, offset + length));
  }

  /** Writes to a file that gets too long for the database, and leaves it. */
  #moving(file: SqliteNode, offset: number, how: Write): Stability {
    const { attributes, contents, extents, journal, small, transaction } =
      this.#parts;
    const { data, stability } = how;
    const old = small.load(file);
    const extent = extents.create();
    const { number } = extent;
    const next = attributes.written(file, offset + data.length);
    next.outside = number;
    const isLogged = fitsLog(how);
    try {
      contents.write(number, 0, old);
      contents.write(number, offset, data);
      extents.written(extent, old.length + data.length, { isLogged });
      this.#measure(extent, next);
      transaction.run(() => {
        small.move(file, old, extent);
        if (isLogged) journal.add(number, offset, data);
      });
    } catch (error) {
      extents.drop(extent);
      throw error;
    }
    return this.#written(file, next, {
      ...{ extent, stability, isLogged, isFirst: false },
    });
  }

  #measure({ number }: Extent, next: MutableAttributes): void {
    // A commit that was lost can have left more than the file has.
    const { used } = this.#parts.contents.measure(number);
    next.used = Math.min(used, pagesOf(next.size)) + next.shared;
  }

  /** The open transaction has it; returns how stable it is. */
  #written(
    file: SqliteNode,
    next: MutableAttributes,
    { extent, stability, isLogged, isFirst }: {
      readonly extent: Extent;
      readonly stability: Stability;
      readonly isLogged: boolean;
      readonly isFirst: boolean;
    },
  ): Stability {
    this.#parts.attributes.save(file, next);
    file.extent = extent;
    if (stability === "unstable") return stability;
    if (!isLogged) this.#parts.syncs.include(extent, { isFirst });
    return "file";
  }
}

/** Whether a write to a content beside the database goes through the journal. */
export function fitsLog({ data, stability }: Write): boolean {
  return stability !== "unstable" && data.length <= JOURNALED;
}
