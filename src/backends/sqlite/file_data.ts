import { FsError, type Stability, type Timestamp } from "../../vfs/mod.ts";
import type { Committer } from "./committer.ts";
import type { Contents } from "./contents.ts";
import type { Journal } from "./journal.ts";
import type { Extent, MutableAttributes, SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import { RecentMap } from "./recent_map.ts";
import type { Room } from "./room.ts";
import type { Statements } from "./statements.ts";
import type { Transaction } from "./transaction.ts";

/** Longest content that is kept in the database. */
export const INSIDE: number = 16_384;
/** Longest durable write that goes through the journal; above, an fsync of the file is cheaper. */
const JOURNALED = 32_768;
/** Bytes of small files kept in memory: this to twice as many. */
const KEPT_BYTES = 2 ** 25;
const NOTHING = new Uint8Array(0);

/** What {@linkcode FileData} works with. */
export interface FileDataParts {
  readonly sql: Statements;
  readonly transaction: Transaction;
  readonly committer: Committer;
  readonly contents: Contents;
  readonly journal: Journal;
  readonly nodes: NodeTable;
  readonly room: Room;
  readonly now: () => Timestamp;
  /** Whether small durable writes are journaled: not where nothing is synced. */
  readonly isJournaled: boolean;
}

/**
 * The bytes of files. Up to 16 KiB they are in the database: a small file is
 * made durable by the commit that makes its name durable. Longer ones are in
 * files beside it, at the speed of the host.
 *
 * An unstable write to such a file leaves the new size and times in memory
 * (`NodeTable.unsaved`), with what clients don't need after a crash either.
 */
export class FileData {
  readonly #parts: FileDataParts;
  readonly #inside = new RecentMap<number, Uint8Array>(
    KEPT_BYTES,
    (data) => data.length + 64,
  );

  constructor(parts: FileDataParts) {
    this.#parts = parts;
  }

  /** Fills `target` from `offset` on and returns how many bytes that were. */
  read(file: SqliteNode, offset: number, target: Uint8Array): number {
    const count = Math.min(target.length, file.size - offset);
    if (count <= 0) return 0;
    const part = count === target.length ? target : target.subarray(0, count);
    if (file.outside) this.#parts.contents.read(file.fileid, offset, part);
    else part.set(this.#load(file).subarray(offset, offset + count));
    return count;
  }

  /** Writes all of `data` and returns how stable that is, once it is settled. */
  write(
    file: SqliteNode,
    offset: number,
    { data, stability }: { data: Uint8Array; stability: Stability },
  ): Stability {
    const end = offset + data.length;
    const { room } = this.#parts;
    const beyond = Math.max(0, end - Math.max(file.size, offset));
    const isSparse = file.used < file.size;
    room.takeBytes(data.length, isSparse ? data.length : beyond);
    if (!file.outside && end <= INSIDE) {
      this.#writeInside(file, offset, data);
      return "file";
    }
    return this.#writeOutside(file, offset, { data, stability });
  }

  /** Has the next commit make durable what was written to the file. */
  commit(file: SqliteNode): void {
    const { committer, transaction } = this.#parts;
    if (file.extent !== undefined) committer.include(file);
    if (this.#parts.nodes.unsaved.has(file)) {
      transaction.run(() => this.#parts.sql.saveNode(file.fileid, file));
      this.#parts.nodes.unsaved.delete(file);
    }
  }

  /** Sets all of `next` on the node, with the size that it names. */
  change(node: SqliteNode, next: MutableAttributes): void {
    const { sql, transaction, nodes } = this.#parts;
    const isResized = node.type === "file" && next.size !== node.size;
    const done = isResized ? this.#resize(node, next) : undefined;
    transaction.run(() => {
      sql.saveNode(node.fileid, next);
      done?.statements();
    });
    this.#apply(node, next);
    nodes.unsaved.delete(node);
    done?.after();
  }

  /** The statements that remove the content of a file that is going. */
  removal(file: SqliteNode): void {
    if (file.outside) this.#parts.journal.forget(file);
    else this.#parts.sql.deleteContent.run(file.fileid);
  }

  /** After {@linkcode removal}. */
  removed(file: SqliteNode): void {
    const { committer, contents, room, transaction } = this.#parts;
    room.used -= file.used;
    this.#inside.delete(file.fileid);
    committer.exclude(file);
    if (file.outside || file.extent !== undefined) {
      transaction.afterwards(() => contents.remove(file.fileid));
    }
  }

  #load(file: SqliteNode): Uint8Array {
    const kept = this.#inside.get(file.fileid);
    if (kept !== undefined) return kept;
    if (file.size === 0) return NOTHING;
    const data = this.#parts.sql.content(file.fileid);
    if (data?.length !== file.size) {
      throw new FsError("io", `file ${file.fileid} lacks its content`);
    }
    this.#inside.set(file.fileid, data);
    return data;
  }

  #writeInside(file: SqliteNode, offset: number, data: Uint8Array): void {
    const { sql, transaction } = this.#parts;
    const old = this.#load(file);
    const content = new Uint8Array(Math.max(old.length, offset + data.length));
    content.set(old);
    content.set(data, offset);
    const next = this.#written(file, content.length);
    next.used = content.length;
    transaction.run(() => {
      sql.putContent.run(file.fileid, content);
      sql.saveNode(file.fileid, next);
    });
    this.#inside.set(file.fileid, content);
    this.#apply(file, next);
    this.#parts.nodes.unsaved.delete(file);
  }

  #writeOutside(
    file: SqliteNode,
    offset: number,
    { data, stability }: { data: Uint8Array; stability: Stability },
  ): Stability {
    const { contents, journal, nodes, sql, transaction } = this.#parts;
    transaction.assertSound();
    const old = file.outside ? undefined : this.#load(file);
    const end = Math.max(file.size, offset + data.length);
    const extent = this.#prepare(file, end);
    try {
      if (old !== undefined) this.#spill(file, old);
      contents.write(file.fileid, offset, data);
    } catch (error) {
      contents.cut(file.fileid, old === undefined ? file.size : 0);
      throw error;
    }
    extent.dirty = true;
    const next = this.#written(file, end);
    next.outside = true;
    next.used = contents.measure(file.fileid).used;
    if (stability === "unstable" && old === undefined) {
      this.#apply(file, next);
      nodes.unsaved.add(file);
      return "unstable";
    }
    const isSmall = data.length <= JOURNALED && stability !== "unstable";
    transaction.run(() => {
      sql.saveNode(file.fileid, next);
      if (old !== undefined) sql.deleteContent.run(file.fileid);
      if (!this.#parts.isJournaled) return;
      // What moves out of the database was durable, and stays so.
      if (old !== undefined && old.length > 0) journal.add(file, 0, old);
      if (isSmall) journal.add(file, offset, data);
    });
    this.#apply(file, next);
    nodes.unsaved.delete(file);
    if (stability === "unstable") return "unstable";
    if (!isSmall) this.#parts.committer.include(file);
    return "file";
  }

  /** Attributes after a write that makes the file `size` bytes long. */
  #written(file: SqliteNode, size: number): MutableAttributes {
    const now = this.#parts.now();
    const { mode, uid, gid, used, atime, outside } = file;
    const change = this.#parts.transaction.number();
    const times = { atime, mtime: now, ctime: now };
    return { mode, uid, gid, size, used, change, ...times, outside };
  }

  #apply(node: SqliteNode, next: MutableAttributes): void {
    this.#parts.room.used += next.used - node.used;
    node.mode = next.mode;
    node.uid = next.uid;
    node.gid = next.gid;
    node.size = next.size;
    node.used = next.used;
    node.change = next.change;
    node.atime = next.atime;
    node.mtime = next.mtime;
    node.ctime = next.ctime;
    node.outside = next.outside;
  }

  #measure(file: SqliteNode): void {
    const { used } = this.#parts.contents.measure(file.fileid);
    this.#parts.room.used += used - file.used;
    file.used = used;
  }

  /** Prepares another size: fills in `next`, and returns what is to be done with it. */
  #resize(
    file: SqliteNode,
    next: MutableAttributes,
  ): { statements(): void; after(): void } {
    const { size } = next;
    if (!file.outside && size <= INSIDE) return this.#resizeInside(file, next);
    // An empty file starts anew in the database.
    if (size === 0) return this.#moveInside(file, next);
    return size < file.size
      ? this.#shorten(file, next)
      : this.#lengthen(file, next);
  }

  #resizeInside(file: SqliteNode, next: MutableAttributes) {
    const { sql } = this.#parts;
    const content = new Uint8Array(next.size);
    content.set(this.#load(file).subarray(0, next.size));
    this.#parts.room.takeBytes(0, Math.max(0, next.size - file.size));
    next.used = next.size;
    return {
      statements: () => void sql.putContent.run(file.fileid, content),
      after: () => this.#inside.set(file.fileid, content),
    };
  }

  #moveInside(file: SqliteNode, next: MutableAttributes) {
    const { committer, contents, journal, transaction } = this.#parts;
    const extent = this.#extent(file);
    next.used = 0;
    next.outside = false;
    return {
      statements: () => journal.forget(file),
      after: () => {
        extent.cut = 0;
        committer.exclude(file);
        transaction.afterwards(() => {
          if (extent.cut !== 0) return;
          contents.remove(file.fileid);
          file.extent = undefined;
        });
      },
    };
  }

  #shorten(file: SqliteNode, next: MutableAttributes) {
    const { contents, journal, transaction } = this.#parts;
    const { size } = next;
    const extent = this.#extent(file);
    next.used = Math.min(file.used, Math.ceil(size / 4096) * 4096);
    return {
      statements: () => journal.cut(file, size),
      after: () => {
        extent.cut = size;
        // Not before that is durable: after a crash the file is to have either
        // its old size and content or the new ones.
        transaction.afterwards(() => {
          if (extent.cut !== size) return;
          extent.cut = undefined;
          extent.shortened = true;
          contents.cut(file.fileid, size);
          if (!file.gone) this.#measure(file);
        });
      },
    };
  }

  #lengthen(file: SqliteNode, next: MutableAttributes) {
    const { contents, journal, sql } = this.#parts;
    const old = file.outside ? NOTHING : this.#load(file);
    const extent = this.#prepare(file, next.size);
    if (!file.outside) {
      this.#spill(file, old);
      extent.dirty = true;
      next.used = contents.measure(file.fileid).used;
    }
    next.outside = true;
    return {
      statements: () => {
        if (!file.outside) sql.deleteContent.run(file.fileid);
        if (old.length > 0 && this.#parts.isJournaled) {
          journal.add(file, 0, old);
        }
      },
      after: () => {},
    };
  }

  /** Makes sure that nothing but zeros is between the end of the file and `size`. */
  #prepare(file: SqliteNode, size: number): Extent {
    const { committer, contents } = this.#parts;
    if (file.extent?.cut !== undefined && size > file.size) committer.now();
    const extent = this.#extent(file);
    if (size <= file.size || !file.outside) return extent;
    if (!extent.trimmed) {
      if (contents.measure(file.fileid).size > file.size) {
        contents.cut(file.fileid, file.size);
        extent.shortened = true;
      }
      extent.trimmed = true;
    }
    if (extent.shortened) committer.include(file);
    return extent;
  }

  /** Content that moves out of the database; whatever was tried before goes. */
  #spill(file: SqliteNode, content: Uint8Array): void {
    const { contents } = this.#parts;
    contents.cut(file.fileid, 0);
    if (content.length > 0) contents.write(file.fileid, 0, content);
  }

  #extent(file: SqliteNode): Extent {
    return file.extent ??= {
      trimmed: false,
      cut: undefined,
      dirty: false,
      shortened: false,
    };
  }
}
