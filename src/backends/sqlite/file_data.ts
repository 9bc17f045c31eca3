import type { Awaitable } from "../../base/awaitable.ts";
import { RecentMap } from "../../base/recent_map.ts";
import {
  type ContentKind,
  FsError,
  type Stability,
  type Timestamp,
} from "../../vfs/mod.ts";
import { assertThere, pagesOf } from "./contents.ts";
import { Extents, type ExtentsParts } from "./extents.ts";
import type { ContentJournal } from "./content_journal.ts";
import type { Extent, MutableAttributes, SqliteNode } from "./node.ts";
import { needOfMove, needOfWrite } from "./needs.ts";
import type { NodeTable } from "./node_table.ts";
import type { FreeSpace } from "./free_space.ts";
import { clipped, type Segment } from "./segments.ts";
import type { Statements } from "./statements.ts";

/** Longest content that is kept in the database. */
export const INSIDE: number = 16_384;
/** Longest durable write that goes through the journal; above, an fsync of the content is cheaper. */
export const JOURNALED: number = 32_768;
/** Bytes of small files kept in memory: this to twice as many. */
const KEPT_BYTES = 2 ** 25;
const NOTHING = new Uint8Array(0);

/** What {@linkcode FileData} works with. */
export interface FileDataParts extends ExtentsParts {
  readonly sql: Statements;
  readonly journal: ContentJournal;
  readonly nodes: NodeTable;
  readonly room: FreeSpace;
  readonly now: () => Timestamp;
  /** Whether small durable writes are journaled: not where nothing is synced. */
  readonly isLogged: boolean;
}

/** Bytes to write, and how safe they are to be. */
interface Write {
  readonly data: Uint8Array;
  readonly stability: Stability;
}

/** What a new size takes: in its transaction, once that is done, and should it fail. */
interface Resizing {
  statements?(): void;
  after?(): void;
  failed?(): void;
}

/**
 * The bytes of files. Up to 16 KiB they are in the database: a small file is
 * made durable by the commit that makes its name durable. Longer ones are
 * beside it, at the speed of the host.
 *
 * An unstable write to such a file leaves the new size and times in memory
 * (`NodeTable.unsaved`): they need to be on disk no sooner than the bytes.
 */
export class FileData {
  readonly #parts: FileDataParts;
  readonly #extents: Extents;
  #inside = smallContents();

  constructor(parts: FileDataParts) {
    this.#parts = parts;
    this.#extents = new Extents(parts);
  }

  /** Forgets contents that the database does not have after all. */
  undone(): void {
    this.#inside = smallContents();
  }

  /** Fills `target` from `offset` on and returns how many bytes that were. */
  read(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<number> {
    const count = Math.min(target.length, file.size - offset);
    if (count <= 0) return 0;
    const part = count === target.length ? target : target.subarray(0, count);
    if (!file.outside) {
      part.set(this.#load(file).subarray(offset, offset + count));
      return count;
    }
    const { outside } = file;
    const locked = () => this.#extents.cuttingOf(outside);
    const isWhole = this.#parts.contents.read(outside, offset, part, locked);
    if (isWhole === true) return count;
    if (isWhole === false) {
      assertThere(this.#parts.contents, file);
      return count;
    }
    return this.#readLater(file, isWhole).then(() => count);
  }

  /** What was read is there, unless the file was cut or removed meanwhile. */
  async #readLater(file: SqliteNode, reading: Promise<boolean>): Promise<void> {
    const { contents, nodes } = this.#parts;
    const { outside } = file;
    if (await reading) return;
    const now = nodes.live(file);
    if (now.outside === outside) assertThere(contents, now);
  }

  /** The parts of a file that may be other than zeros, in order. */
  segments(file: SqliteNode): readonly Segment[] {
    const { outside, size } = file;
    if (outside === 0) return [{ offset: 0, length: size }];
    assertThere(this.#parts.contents, file);
    return clipped(this.#parts.contents.segments(outside), size);
  }

  /** Whether {@linkcode seek} and {@linkcode punch} can be called. */
  get hasRanges(): boolean {
    return this.#parts.contents.hasRanges;
  }

  /** See `FileSystem.seek`: a file in the database is all data. */
  seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const { outside, size } = file;
    if (outside === 0) return what === "data" ? offset : undefined;
    const { contents } = this.#parts;
    assertThere(contents, file);
    const locked = () => this.#extents.cuttingOf(outside);
    const place = contents.seek(outside, { offset, what, locked });
    // What a cut is still to take away is not of the file.
    const within = (place: number | undefined) =>
      place === undefined || place >= size ? undefined : place;
    return place instanceof Promise ? place.then(within) : within(place);
  }

  /** Writes all of `data` and returns how stable that is, once it is settled. */
  write(file: SqliteNode, offset: number, how: Write): Stability {
    const { room } = this.#parts;
    const { length } = how.data;
    const end = offset + length;
    if (file.outside || end > INSIDE) {
      const isLogged = fitsLog(how);
      room.take(needOfWrite(file, { offset, length, isLogged }));
      return this.#writeOutside(file, offset, how);
    }
    const growth = end - file.size;
    const inDatabase = Math.max(length, growth);
    room.take({ growth, inDatabase, beside: 0 });
    this.#writeInside(file, offset, how.data);
    return "file";
  }

  /** What {@linkcode punch} waits for before it is made, if anything. */
  readyToPunch(file: SqliteNode): Promise<void> | undefined {
    return this.#extents.ready(file, {
      ...{ size: file.size, isDurable: true, isMeasured: true },
    });
  }

  /**
   * Has bytes read as zeros, which is durable with the next commit: as a write of
   * zeros, that may be there also where the commit is not. `now` is the file when
   * the host has made the hole.
   */
  punch(
    file: SqliteNode,
    { offset, end, now }: {
      readonly offset: number;
      readonly end: number;
      readonly now: () => SqliteNode;
    },
  ): Awaitable<void> {
    const { contents, room, transaction } = this.#parts;
    transaction.assertSound();
    const until = Math.min(end, file.size);
    const from = Math.min(offset, until);
    if (!file.outside) {
      room.take({ growth: 0, inDatabase: file.size, beside: 0 });
      return this.#writeInside(file, from, new Uint8Array(until - from));
    }
    const extent = this.#extents.whole(file);
    if (from === until) return this.#punched(file, extent);
    const punched = contents.punch(extent.number, from, until);
    if (!(punched instanceof Promise)) return this.#punched(file, extent);
    const done = punched.then(() => this.#punched(now(), extent));
    return this.#extents.during(extent, done);
  }

  #punched(file: SqliteNode, extent: Extent): void {
    const { contents, syncs, transaction } = this.#parts;
    const next = this.#written(file, file.size);
    const { used } = contents.measure(extent.number);
    next.used = Math.min(used, pagesOf(file.size));
    // No bytes, but what a sync has to bring to disk all the same.
    this.#extents.written(extent, 0);
    transaction.run();
    this.#saved(file, next);
    file.extent = extent;
    syncs.include(extent);
  }

  /** What a look at the bytes of a file waits for, if anything: see `Extents.cuttingOf`. */
  readyToRead({ outside }: SqliteNode): Promise<void> | undefined {
    return outside ? this.#extents.cuttingOf(outside) : undefined;
  }

  /** What a write waits for before it is made, if anything: see `Extents.ready`. */
  readyToWrite(
    file: SqliteNode,
    offset: number,
    { data, stability }: Write,
  ): Promise<void> | undefined {
    const isDurable = stability !== "unstable" && data.length > JOURNALED;
    const size = offset + data.length;
    return this.#extents.ready(file, { size, isDurable });
  }

  /** The same for what the host would have the write wait for. */
  readyOnHost(
    file: SqliteNode,
    offset: number,
    length: number,
  ): Promise<void> | undefined {
    const { outside } = file;
    if (!outside || this.readyToRead(file)) return undefined;
    const locked = () => this.#extents.cuttingOf(outside);
    const end = offset + length;
    return this.#parts.contents.readyToWrite(outside, offset, end, locked);
  }

  /** The same for a new size. */
  readyToResize(file: SqliteNode, size: number): Promise<void> | undefined {
    return size < file.size && size > 0
      ? this.#extents.readyToCut(file)
      : this.#extents.ready(file, { size, isDurable: false });
  }

  /**
   * Brings what was written to the file to disk, where that is too much for a
   * commit that others wait for; then {@linkcode commitFlushed} is left to do.
   */
  flush(file: SqliteNode): Promise<void> | undefined {
    if (!file.outside) return undefined;
    const { syncs } = this.#parts;
    const extent = this.#extents.of(file);
    return syncs.fits(extent) ? undefined : syncs.flush(extent);
  }

  /** Has the next commit make durable what was written to the file. */
  commit(file: SqliteNode): void {
    if (file.outside) this.#parts.syncs.include(this.#extents.of(file));
    this.commitAttributes(file);
  }

  /** The same of what {@linkcode flush} has brought to disk. */
  commitFlushed(file: SqliteNode): void {
    const { syncs, journal } = this.#parts;
    // What the journal has of it still would be written over it after a crash.
    if (file.outside && journal.last(file.outside) !== undefined) {
      syncs.include(this.#extents.of(file));
    }
    this.commitAttributes(file);
  }

  /** Has the next commit make durable the attributes that wait in memory. */
  commitAttributes(file: SqliteNode): void {
    const { nodes, transaction } = this.#parts;
    if (!nodes.unsaved.has(file)) return;
    transaction.run();
    nodes.change(file);
  }

  /** Sets all of `next` on the node, with the size that it names. */
  change(node: SqliteNode, next: MutableAttributes): void {
    const isResized = node.type === "file" && next.size !== node.size;
    const resizing = isResized ? this.#resize(node, next) : undefined;
    try {
      this.#parts.transaction.run(resizing?.statements);
    } catch (error) {
      resizing?.failed?.();
      throw error;
    }
    this.#saved(node, next);
    resizing?.after?.();
  }

  /** A content beside the database for a new file that is one long hole. */
  hole(): Extent {
    return this.#extents.create();
  }

  /** The file of a {@linkcode hole} could not be made. */
  unmade(extent: Extent): void {
    this.#extents.drop(extent);
  }

  /** The statements that remove the content of a file that is going. */
  removal(file: SqliteNode): void {
    if (file.outside) this.#parts.journal.forget(file.outside);
    else this.#parts.sql.deleteContent.run(file.fileid);
  }

  /** After {@linkcode removal}. */
  removed(file: SqliteNode): void {
    this.#parts.room.grow(-file.used, true);
    this.#inside.delete(file.fileid);
    if (file.outside) this.#extents.remove(this.#extents.of(file));
  }

  #load(file: SqliteNode): Uint8Array {
    if (file.size === 0) return NOTHING;
    const kept = this.#inside.get(file.fileid);
    if (kept !== undefined) return kept;
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
    transaction.run(() => sql.putContent.run(file.fileid, content));
    this.#saved(file, next);
    this.#inside.set(file.fileid, content);
  }

  #writeOutside(
    file: SqliteNode,
    offset: number,
    { data, stability }: Write,
  ): Stability {
    const { syncs, contents, nodes, transaction } = this.#parts;
    transaction.assertSound();
    const old = file.outside ? undefined : this.#load(file);
    const end = Math.max(file.size, offset + data.length);
    const extent = old === undefined
      ? this.#extents.prepare(file, end)
      : this.#extents.create();
    const { number } = extent;
    const next = this.#written(file, end);
    next.outside = number;
    const isLogged = fitsLog({ data, stability }) &&
      (old !== undefined || syncs.isLarge(extent) ||
        !syncs.isBusy(extent));
    try {
      if (old !== undefined) contents.write(number, 0, old);
      contents.write(number, offset, data);
      this.#extents.written(extent, data.length + (old?.length ?? 0));
      if (end > file.size || file.used < file.size) {
        // A commit that was lost can have left more than the file has.
        const { used } = contents.measure(number);
        next.used = Math.min(used, pagesOf(end));
      }
      if (stability === "unstable" && old === undefined) {
        this.#apply(file, next);
        nodes.unsaved.add(file);
        return stability;
      }
      if (old !== undefined || isLogged) {
        transaction.run(() => {
          if (old !== undefined) this.#writeMove(file, old, number);
          if (isLogged) this.#journal(number, offset, data);
        });
      } else transaction.run();
    } catch (error) {
      if (old !== undefined) this.#extents.drop(extent);
      else if (end > file.size) this.#extents.unwritten(extent, file.size);
      throw error;
    }
    this.#saved(file, next);
    file.extent = extent;
    if (stability === "unstable") return stability;
    if (!isLogged) syncs.include(extent);
    return "file";
  }

  /** The content `old` leaves the database. It was durable, and stays so. */
  #writeMove(file: SqliteNode, old: Uint8Array, number: number): void {
    this.#parts.sql.deleteContent.run(file.fileid);
    this.#journal(number, 0, old);
  }

  #journal(number: number, offset: number, data: Uint8Array): void {
    if (!this.#parts.isLogged || data.length === 0) return;
    this.#parts.journal.add(number, offset, data);
  }

  /** Attributes after a write that makes the file `size` bytes long. */
  #written(file: SqliteNode, size: number): MutableAttributes {
    const now = this.#parts.now();
    const { mode, uid, gid, used, atime, birthtime, outside } = file;
    const change = this.#parts.transaction.number();
    const times = { atime, mtime: now, ctime: now, birthtime };
    return { mode, uid, gid, size, used, change, ...times, outside };
  }

  /** `next` goes into the node's row with the next commit. */
  #saved(node: SqliteNode, next: MutableAttributes): void {
    this.#parts.nodes.change(node);
    this.#apply(node, next);
  }

  #apply(node: SqliteNode, next: MutableAttributes): void {
    const { nodes, room } = this.#parts;
    room.grow(next.used - node.used, nodes.isDue(node));
    // What it had inside must not be found when it comes back empty.
    if (next.outside !== node.outside) this.#inside.delete(node.fileid);
    node.mode = next.mode;
    node.uid = next.uid;
    node.gid = next.gid;
    node.size = next.size;
    node.used = next.used;
    node.change = next.change;
    node.atime = next.atime;
    node.mtime = next.mtime;
    node.ctime = next.ctime;
    node.birthtime = next.birthtime;
    node.outside = next.outside;
  }

  /** Prepares another size: fills in `next`, and returns what is to be done with it. */
  #resize(file: SqliteNode, next: MutableAttributes): Resizing {
    const { size } = next;
    if (!file.outside) {
      return size <= INSIDE
        ? this.#resizeInside(file, next)
        : this.#lengthenInside(file, next);
    }
    // An empty file starts anew in the database.
    if (size === 0) return this.#empty(file, next);
    if (size < file.size) return this.#shorten(file, next);
    this.#extents.prepare(file, size);
    return {};
  }

  #resizeInside(file: SqliteNode, next: MutableAttributes): Resizing {
    const { size } = next;
    const growth = size - file.size;
    this.#parts.room.take({ growth, inDatabase: size, beside: 0 });
    const content = new Uint8Array(size);
    // One that has lost its content can be emptied.
    if (size > 0) content.set(this.#load(file).subarray(0, size));
    next.used = size;
    return {
      statements: () =>
        void this.#parts.sql.putContent.run(
          file.fileid,
          content,
        ),
      after: () => this.#inside.set(file.fileid, content),
    };
  }

  /** A file in the database gets too long for it, by a hole. */
  #lengthenInside(file: SqliteNode, next: MutableAttributes): Resizing {
    const { contents, room } = this.#parts;
    const old = this.#load(file);
    room.take(needOfMove(file));
    const extent = this.#extents.create();
    const failed = () => this.#extents.drop(extent);
    try {
      if (old.length > 0) {
        contents.write(extent.number, 0, old);
        this.#extents.written(extent, old.length);
      }
      next.used = contents.measure(extent.number).used;
    } catch (error) {
      failed();
      throw error;
    }
    next.outside = extent.number;
    return {
      failed,
      statements: () => this.#writeMove(file, old, extent.number),
      after: () => file.extent = extent,
    };
  }

  #empty(file: SqliteNode, next: MutableAttributes): Resizing {
    const extent = this.#extents.of(file);
    next.used = 0;
    next.outside = 0;
    return {
      statements: () => this.#parts.journal.forget(extent.number),
      after: () => {
        file.extent = undefined;
        this.#extents.remove(extent);
      },
    };
  }

  #shorten(file: SqliteNode, next: MutableAttributes): Resizing {
    const { contents, journal, nodes, room } = this.#parts;
    const { size } = next;
    const extent = this.#extents.whole(file);
    // What the host says comes when it is cut.
    next.used = Math.min(file.used, Math.ceil(size / 4096) * 4096);
    return {
      statements: () => journal.cut(extent.number, size),
      after: () =>
        this.#extents.cut(extent, size, () => {
          const isThere = !file.isGone && !file.isForgotten;
          if (!isThere || file.outside !== extent.number) return;
          const { used } = contents.measure(extent.number);
          const isDue = nodes.isDue(file);
          room.grow(used - file.used, isDue);
          file.used = used;
          // Counted by its row once it has left memory, and where it is removed.
          if (!isDue) nodes.unsaved.add(file);
        }),
    };
  }
}

/** Bytes of small files, by their numbers. */
function smallContents(): RecentMap<number, Uint8Array> {
  // The entry of an empty file takes memory as well.
  return new RecentMap(KEPT_BYTES, { weigh: (data) => data.length + 64 });
}

/** Whether a write to a content beside the database goes through the journal. */
function fitsLog({ data, stability }: Write): boolean {
  return stability !== "unstable" && data.length <= JOURNALED;
}
