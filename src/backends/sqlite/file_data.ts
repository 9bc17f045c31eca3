import { type Awaitable, take } from "../../base/awaitable.ts";
import {
  type AttributeChanges,
  type FileType,
  FsError,
  type Stability,
  type Timestamp,
} from "../../vfs/mod.ts";
import type { AccessLists } from "./access_lists.ts";
import { Attributes } from "./attributes.ts";
import { Clones } from "./clones.ts";
import type { ContentJournal } from "./content_journal.ts";
import { ContentRanges } from "./content_ranges.ts";
import { assertThere } from "./contents.ts";
import { CopyingOut } from "./copying_out.ts";
import { Extents, type ExtentsParts } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import {
  type Extent,
  notAFile,
  noteGivenBack,
  type SqliteNode,
} from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import { Resizes } from "./resizes.ts";
import { SharedContents } from "./shared_contents.ts";
import { BEYOND, type SharedRanges } from "./shared_ranges.ts";
import { SmallContents } from "./small_contents.ts";
import type { Statements } from "./statements.ts";
import { fitsLog, JOURNALED, type Write, Writes } from "./writes.ts";

/** What {@linkcode FileData} works with. */
export interface FileDataParts extends ExtentsParts {
  readonly sql: Statements;
  readonly journal: ContentJournal;
  readonly nodes: NodeTable;
  readonly room: FreeSpace;
  readonly lists: AccessLists;
  readonly shared: SharedRanges;
  readonly now: () => Timestamp;
  readonly maxFileSize: number;
  /** Shared ranges of a file. */
  readonly mostRanges: number;
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
  /** Where files have data and where holes. */
  readonly ranges: ContentRanges;
  /** What files share. */
  readonly clones: Clones;
  readonly #parts: FileDataParts;
  readonly #extents: Extents;
  readonly #small: SmallContents;
  readonly #attributes: Attributes;
  readonly #copying: CopyingOut;
  readonly #resizes: Resizes;
  readonly #sharing: SharedContents;
  readonly #writes: Writes;

  constructor(parts: FileDataParts) {
    this.#parts = parts;
    const extents = this.#extents = new Extents(parts);
    const small = this.#small = new SmallContents(parts);
    const attributes = this.#attributes = new Attributes({ ...parts, small });
    const sharing = this.#sharing = new SharedContents({ ...parts, extents });
    const bytes = { ...parts, attributes, extents, sharing, small };
    const copying = this.#copying = new CopyingOut(bytes);
    this.#resizes = new Resizes(bytes);
    const writes = this.#writes = new Writes(bytes);
    this.ranges = new ContentRanges({ ...bytes, copying, writes });
    this.clones = new Clones({ ...bytes, copying });
  }

  /** Forgets contents that the database does not have after all. */
  undone(): void {
    this.#small.undone();
  }

  /** Throws where there can't be a node of that size. */
  assertSize(type: FileType, size: number): void {
    if (type !== "file") throw notAFile(type);
    if (size > this.#parts.maxFileSize) throw new FsError("too-big");
    if (!(Number.isInteger(size) && size >= 0)) throw new FsError("invalid");
  }

  /**
   * Fills `target` from `offset` on and returns how many bytes that were; `undefined`
   * where the file has its bytes elsewhere meanwhile, and is to be read again.
   */
  read(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<number | undefined> {
    const count = Math.min(target.length, file.size - offset);
    if (count <= 0) return 0;
    const part = count === target.length ? target : target.subarray(0, count);
    if (!file.outside) {
      part.set(this.#small.load(file).subarray(offset, offset + count));
      return count;
    }
    if (file.ranges > 0) return this.#readShared(file, offset, part);
    const { outside } = file;
    const locked = () => this.#extents.cuttingOf(outside);
    const isWhole = this.#parts.contents.read(outside, offset, part, locked);
    if (isWhole === true) return count;
    if (isWhole === false) {
      assertThere(this.#parts.contents, file);
      return count;
    }
    return this.#readLater(file, isWhole)
      .then((isRead) => isRead ? count : undefined);
  }

  #readShared(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<number | undefined> {
    const count = (isRead: boolean) => isRead ? target.length : undefined;
    const read = take(this.#sharing.read(file, offset, target));
    return read instanceof Promise ? read.then(count) : count(read);
  }

  /** Whether what was read is there, unless the file was cut or removed meanwhile; false where it was given back. */
  async #readLater(
    file: SqliteNode,
    reading: Promise<boolean>,
  ): Promise<boolean> {
    const { contents, nodes } = this.#parts;
    const { outside } = file;
    const isGivenBack = noteGivenBack(file);
    const isWhole = await reading;
    const now = nodes.live(file);
    if (isGivenBack(now)) return false;
    if (!isWhole && now.outside === outside) assertThere(contents, now);
    return true;
  }

  /** Writes all of `data` and returns how stable that is, once it is settled. */
  write(file: SqliteNode, offset: number, how: Write): Stability {
    return this.#writes.write(file, offset, how);
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
    const { length } = data;
    const size = offset + length;
    const isShared = this.#writes.isShared(file, offset, length);
    const isDurable = length > JOURNALED
      ? isShared || stability !== "unstable"
      : isShared && this.#parts.journal.isFull;
    const ready = this.#extents.ready(file, { size, isDurable });
    return ready ?? (isShared ? this.#copying.ready(file) : undefined);
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
    this.#attributes.commit(file);
  }

  /** Brings all that was written to the file to disk: {@linkcode commitFlushed} is left to do. */
  flushAll(file: SqliteNode): Promise<void> {
    return this.#parts.syncs.flush(this.#extents.of(file));
  }

  /** Whether a write is to be brought to disk by itself, as the journal has no room for it. */
  isThrough(file: SqliteNode, offset: number, how: Write): boolean {
    return this.#parts.journal.isFull && fitsLog(how) &&
      !this.#writes.isShared(file, offset, how.data.length);
  }

  /** The same of what {@linkcode flush} or {@linkcode flushAll} has brought to disk. */
  commitFlushed(file: SqliteNode): void {
    const { syncs, journal } = this.#parts;
    // What the journal has of it still would be written over it after a crash.
    if (file.outside && journal.last(file.outside) !== undefined) {
      syncs.include(this.#extents.of(file));
    }
    this.#attributes.commit(file);
  }

  /** Sets attributes of a node, and with them the size of a file. */
  change(node: SqliteNode, changes: AttributeChanges): void {
    const next = this.#attributes.changed(node, changes);
    const isResized = node.type === "file" && next.size !== node.size;
    const listing = this.#parts.lists.prepare(node, changes.acl);
    const resizing = isResized ? this.#resizes.prepare(node, next) : undefined;
    try {
      this.#parts.transaction.run(
        listing === undefined ? resizing?.statements : () => {
          listing.statements();
          resizing?.statements?.();
        },
      );
    } catch (error) {
      resizing?.failed?.();
      throw error;
    }
    this.#attributes.save(node, next);
    listing?.after();
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
    const { fileid, ranges } = file;
    if (ranges > 0) this.#parts.shared.take(fileid, 0, BEYOND);
    if (file.outside) this.#parts.journal.forget(file.outside);
    else this.#parts.sql.deleteContent.run(file.fileid);
  }

  /** After {@linkcode removal}. */
  removed(file: SqliteNode): void {
    this.#parts.room.grow(-file.used, true);
    this.#small.forget(file);
    if (file.outside) this.#extents.remove(this.#extents.of(file));
  }
}
