import { type Sharing, sharing } from "../../vfs/sharing.ts";
import { ended } from "../../vfs/ended.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import { after } from "../../base/ongoing_call.ts";
import { checkType } from "../../base/option_values.ts";
import { soundResults } from "../../vfs/checks.ts";
import {
  assertJudged,
  assertJudgedEntry,
  type AttributeChanges,
  type ChangeInfo,
  type ContentKind,
  type Created,
  type CreateKind,
  type CreateOptions,
  type DirectoryName,
  type DirectoryPage,
  type EntryPlace,
  type FileSystem,
  type FileSystemLimits,
  type FileSystemStatus,
  FsError,
  type HostFolder,
  type JudgedEntry,
  type JudgedRename,
  type OpenMode,
  type ReadResult,
  type Rights,
  type SetXattrOption,
  type Stability,
  type Trust,
} from "../../vfs/mod.ts";
import { decodeIdentity, encodeIdentity } from "../common/identity.ts";
import { checkName, MAX_NAME } from "../common/names.ts";
import { checkRename } from "../common/rename.ts";
import { isSameVerifier } from "../common/verifier.ts";
import { assertMayHaveXattrs } from "../common/xattrs.ts";
import { MEMORY } from "./database.ts";
import { type MutableAttributes, notAFile, type SqliteNode } from "./node.ts";
import { complete, type CompleteOptions } from "./options.ts";
import type { SqliteOptions } from "./options.ts";
import type { Records } from "./records.ts";
import { ROOT } from "./schema.ts";
import type { Segment } from "./segments.ts";
import type { SqliteStats } from "./stats.ts";
import { openStore, type Store } from "./store.ts";

const MAX_LINK = 65535;
/** Nodes that were written to whose attributes may wait in memory, so that a commit of them takes 3 ms. */
const MOST_UNSAVED = 1024;
/** What a node takes of the disk, to tell how many more there can be. */
const NODE_BYTES = 512;

/**
 * A file system in an SQLite database and files beside it, which keeps every
 * attribute for any user, and whatever it answered, over crashes. It waits in
 * {@linkcode settle}, before a change for which a large content has to be on disk,
 * and for a content that is being cut; each change is made in one go.
 *
 * Setuid and setgid bits of a file that is written or given away are not
 * cleared here: whether they have to go depends on the caller, whom the server
 * knows.
 */
export class SqliteFileSystem implements FileSystem<SqliteNode> {
  /** Itself, unless it is a class of others that extends it. */
  readonly [soundResults]: object | undefined;
  /** Names of 255 bytes, 65535 links, files as large as the host can hold. */
  readonly limits: FileSystemLimits;
  /** "any" of one in memory. */
  readonly trust: Trust;
  /** The store's own, unless it is in memory. */
  readonly folder: HostFolder | undefined;
  /** Small things that the server itself has to remember. */
  readonly records: Records;
  readonly #options: CompleteOptions;
  readonly #store: Store;
  readonly #maxFileSize: number;
  readonly #root: SqliteNode;
  #writtenBytes = 0;
  /** Whether it was disposed of: it can't be served again. */
  [ended]: boolean = false;
  #disposal: Promise<void> | undefined = undefined;

  /**
   * Opens the store in a folder and makes it where there is none; ":memory:"
   * is one in memory. Throws an `Error` of one line when it is in use, of a newer
   * version or damaged, a `TypeError` for an option that there is not or of
   * another type, and a `RangeError` for one out of range.
   */
  constructor(directory: string, options: SqliteOptions = {}) {
    this[soundResults] = new.target === SqliteFileSystem ? this : undefined;
    checkType("sqlite: the folder", directory, "string");
    this.trust = directory === MEMORY ? "any" : "owner";
    this.#options = complete(options);
    this.#store = openStore(directory, this.#options);
    this.folder = directory === MEMORY
      ? undefined
      : { path: this.#store.directory, isShown: false };
    const { maxFileSize, records, nodes, data, room } = this.#store;
    this.limits = {
      maxName: MAX_NAME,
      maxFileSize,
      maxLink: MAX_LINK,
      hasQuota: room.quota !== Infinity,
      // A number of the whole store: it grows by more than one.
      changeType: "monotonic",
    };
    this.#maxFileSize = maxFileSize;
    if (!data.hasRanges) {
      for (const name of ["deallocate", "seek"]) {
        Object.defineProperty(this, name, { value: undefined });
      }
    }
    this.records = records;
    this.#root = nodes.get(ROOT)!;
    // As an open file, it never leaves memory.
    this.#root.opens = 1;
  }

  /** What was done since the store was opened. */
  get stats(): SqliteStats {
    const { directory, transaction, committer, journal } = this.#store;
    return {
      // What is in memory ends with the process.
      durability: directory === MEMORY ? "none" : this.#options.durability,
      operations: transaction.operations,
      ...committer.counts,
      writtenBytes: this.#writtenBytes,
      journalBytes: journal.bytes,
      failed: transaction.failure !== undefined,
    };
  }

  /** The root folder. */
  root(): SqliteNode {
    return this.#root;
  }

  /** 11 bytes: the store and the number of the file. */
  identify(node: SqliteNode): Uint8Array {
    return node.identity ??= encodeIdentity(this.#store.tag, node.fileid);
  }

  /** The node of an identity; "stale" when it is gone or of another store. */
  resolve(identity: Uint8Array): SqliteNode {
    const fileid = decodeIdentity(this.#store.tag, identity);
    const node = fileid === undefined || !Number.isSafeInteger(fileid)
      ? undefined
      : this.#store.nodes.get(fileid);
    if (node === undefined) throw new FsError("stale");
    return node;
  }

  /** The node itself: its attributes are live. */
  getattr(node: SqliteNode): SqliteNode {
    return this.#store.nodes.live(node);
  }

  /** The entry `name` of a folder. */
  lookup(directory: SqliteNode, name: string): SqliteNode | undefined {
    return this.#store.nodes.lookup(this.#folder(directory), name);
  }

  /** The parent of a folder; the root is its own. */
  parent(directory: SqliteNode): SqliteNode {
    const { parent } = this.#folder(directory);
    const node = this.#store.nodes.get(parent!);
    if (node === undefined) throw new FsError("stale");
    return node;
  }

  /** Up to `limit` entries after `cookie`, in the order of their making. */
  readdir(
    directory: SqliteNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<SqliteNode> {
    const folder = this.#folder(directory);
    this.#store.accessTimes.note(folder);
    return this.#store.listings.list(folder, cookie, limit);
  }

  /** Where an entry stands in the listing. */
  place(directory: SqliteNode, name: string): EntryPlace | undefined {
    return this.#store.listings.place(this.#folder(directory), name);
  }

  /** Fills `target` with content from `offset` on. */
  read(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    const live = this.#file(file);
    const ready = this.#store.data.readyToRead(live);
    if (ready) {
      const read = () => this.read(file, offset, target);
      return after(ready, () => this.#hasWaited(read));
    }
    const bytes = this.#store.data.read(live, offset, target);
    if (typeof bytes === "number") return this.#wasRead(live, offset, bytes);
    return bytes.then((bytes) =>
      this.#hasWaited(() =>
        this.#wasRead(this.#store.nodes.live(file), offset, bytes)
      )
    );
  }

  /** Goes on with a read that has waited, and says whether what it looks at from here on is settled. */
  #hasWaited(read: () => Awaitable<ReadResult>): Awaitable<ReadResult> {
    const { unsettled } = this;
    const result = read();
    const isSettled = unsettled !== undefined && this.unsettled === unsettled;
    if (!(result instanceof Promise)) return { ...result, isSettled };
    return result.then((result) => ({
      ...result,
      isSettled: isSettled && result.isSettled,
    }));
  }

  /** So many bytes of a file were read, which another request may have cut meanwhile. */
  #wasRead(file: SqliteNode, offset: number, bytes: number): ReadResult {
    this.#store.accessTimes.note(file);
    const rest = Math.max(0, file.size - offset);
    return { bytes: Math.min(bytes, rest), eof: bytes >= rest };
  }

  /** @internal The parts of a file that may be other than zeros, in order: what an archive has to hold. */
  segments(file: SqliteNode): readonly Segment[] {
    return this.#store.data.segments(this.#store.nodes.live(file));
  }

  /** The target of a symlink; "wrong-type" for anything else. */
  readlink(symlink: SqliteNode): string {
    const live = this.#store.nodes.live(symlink);
    if (live.target === undefined) throw new FsError("wrong-type");
    this.#store.accessTimes.note(live);
    return live.target;
  }

  /** Room on the disk, or what the quota leaves of it. */
  status(): FileSystemStatus {
    const { room, place, nodes } = this.#store;
    nodes.showAll();
    const { freeBytes } = room;
    const freeFiles = Math.floor(freeBytes / NODE_BYTES);
    return {
      totalBytes: Math.min(place.total, room.quota),
      freeBytes,
      availableBytes: freeBytes,
      usedBytes: room.used,
      totalFiles: room.files + freeFiles,
      freeFiles,
    };
  }

  /** Keeps the file until it is closed, with or without a name. */
  open(file: SqliteNode, _mode: OpenMode): void {
    this.#store.nodes.live(file).opens++;
  }

  /** Ends one open; the last one of a file without a name frees it. */
  close(file: SqliteNode, _mode: OpenMode): void {
    const live = this.#store.nodes.live(file);
    if (live.opens === 0) throw new FsError("invalid", "close without open");
    live.opens--;
    if (live.opens === 0 && live.nlink === 0) {
      this.#store.tree.orphans.free(live);
    }
  }

  /** Changes attributes, all or none. */
  setattr(
    node: SqliteNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const live = this.#store.nodes.live(node);
    const { size } = changes;
    if (size !== undefined) {
      this.#checkSize(live.type, size);
      const ready = this.#store.data.readyToResize(live, size);
      if (ready) return after(ready, () => this.setattr(node, changes, judged));
    }
    assertJudged(judged, live);
    this.#store.data.change(live, this.#changed(live, changes));
  }

  /**
   * Writes all of `data` or throws "too-big", "no-space" or "quota". Content that
   * is kept in the database is "file" always: it costs nothing more.
   */
  write(
    file: SqliteNode,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<Stability> {
    const live = this.#file(file);
    this.#checkSize("file", offset + data.length);
    // RFC 8881 18.32.3: a WRITE of nothing succeeds, and that is all.
    if (data.length === 0) return "file";
    const how = { data, stability };
    const ready = this.#store.data.readyOnHost(live, offset, data.length);
    // Once: the host may forget as quickly as it reads.
    return after(ready, () => this.#write(file, offset, how));
  }

  #write(
    file: SqliteNode,
    offset: number,
    how: { readonly data: Uint8Array; readonly stability: Stability },
  ): Awaitable<Stability> {
    const live = this.#file(file);
    const ready = this.#store.data.readyToWrite(live, offset, how);
    if (ready) return after(ready, () => this.#write(file, offset, how));
    this.#writtenBytes += how.data.length;
    const written = this.#store.data.write(live, offset, how);
    if (this.#store.nodes.unsaved.size > MOST_UNSAVED) this.#saveUnsaved();
    return written;
  }

  /** A hole, as far as the host has them in its files; zeros in what is kept in the database. */
  deallocate(
    file: SqliteNode,
    offset: number,
    length: number,
  ): Awaitable<void> {
    const live = this.#file(file);
    const ready = this.#store.data.readyToPunch(live);
    if (ready) return after(ready, () => this.deallocate(file, offset, length));
    const now = () => this.#file(file);
    return this.#store.data.punch(live, { offset, end: offset + length, now });
  }

  /** Where the next data or hole begins, where the host can tell that of its files. */
  seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const live = this.#file(file);
    const ready = this.#store.data.readyToRead(live);
    if (ready) return after(ready, () => this.seek(file, offset, what));
    if (offset >= live.size) return undefined;
    return this.#store.data.seek(live, offset, what);
  }

  /** The value of an extended attribute, if it is there. */
  getxattr(node: SqliteNode, name: string): Uint8Array | undefined {
    const { nodes, xattrs } = this.#store;
    return xattrs.get(nodes.live(node), name);
  }

  /** The names of all extended attributes of a node. */
  listxattrs(node: SqliteNode): string[] {
    const { nodes, xattrs } = this.#store;
    return xattrs.names(nodes.live(node));
  }

  /** Makes or replaces an extended attribute of a file or folder. */
  setxattr(
    node: SqliteNode,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): ChangeInfo {
    const live = this.#store.nodes.live(node);
    assertJudged(judged, live);
    assertMayHaveXattrs(live.type);
    return this.#store.xattrs.set(live, { name, value, option });
  }

  /** Removes an extended attribute. */
  removexattr(node: SqliteNode, name: string, judged?: Rights): ChangeInfo {
    const live = this.#store.nodes.live(node);
    assertJudged(judged, live);
    return this.#store.xattrs.remove(live, name);
  }

  /** Everything written to the file is durable with the next {@linkcode settle}. */
  commit(file: SqliteNode): Awaitable<void> {
    const { data, nodes } = this.#store;
    const live = nodes.live(file);
    // What it says is durable may be on its way there for another's COMMIT.
    nodes.shown++;
    const flushed = data.flush(live);
    if (flushed === undefined) return data.commit(live);
    return flushed.then(() => data.commitFlushed(nodes.live(file)));
  }

  /** Makes an entry. */
  create(
    directory: SqliteNode,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Created<SqliteNode> {
    const folder = this.#folder(directory);
    assertJudged(options.judged, folder);
    checkName(name);
    const taken = this.#store.nodes.lookup(folder, name);
    if (taken !== undefined) {
      if (!isSameVerifier(taken.verifier, options.verifier)) {
        throw new FsError("exists");
      }
      return { node: taken, change: unchanged(folder), created: false };
    }
    const { size } = options.attributes;
    if (size !== undefined) this.#checkSize(kind.type, size);
    return this.#store.tree.create({ directory: folder, name }, kind, options);
  }

  /** A further name for a node that is not a folder. */
  link(
    node: SqliteNode,
    directory: SqliteNode,
    name: string,
    judged?: Rights,
  ): ChangeInfo {
    const folder = this.#folder(directory);
    assertJudged(judged, folder);
    const live = this.#store.nodes.live(node);
    checkName(name);
    if (live.type === "directory") throw new FsError("is-directory");
    const taken = this.#store.nodes.lookup(folder, name);
    if (taken !== undefined) throw new FsError("exists");
    return this.#store.tree.link(live, { directory: folder, name });
  }

  /** Removes an entry; a folder only when it is empty. */
  remove(
    directory: SqliteNode,
    name: string,
    judged?: JudgedEntry<SqliteNode>,
  ): ChangeInfo {
    const folder = this.#folder(directory);
    const { nodes, sql, tree } = this.#store;
    const node = nodes.lookup(folder, name);
    if (node === undefined) throw new FsError("not-found");
    assertJudgedEntry(judged, { folder, node, rights: node });
    if (node.type === "directory" && sql.hasEntries(node.fileid)) {
      throw new FsError("not-empty");
    }
    return tree.remove(node, { directory: folder, name });
  }

  /** Moves an entry, replacing what POSIX allows it to replace. */
  rename(
    from: DirectoryName<SqliteNode>,
    to: DirectoryName<SqliteNode>,
    judged?: JudgedRename<SqliteNode>,
  ): { source: ChangeInfo; target: ChangeInfo } {
    const source = this.#folder(from.directory);
    const target = this.#folder(to.directory);
    checkName(to.name);
    const { nodes, sql, tree } = this.#store;
    const node = nodes.lookup(source, from.name);
    if (node === undefined) throw new FsError("not-found");
    const replaced = nodes.lookup(target, to.name);
    assertJudgedEntry(judged?.from, { folder: source, node, rights: node });
    assertJudgedEntry(judged?.to, {
      folder: target,
      node: replaced,
      rights: replaced,
    });
    // RFC 8881 18.26.3: two names of one file, and nothing is done.
    if (replaced === node) {
      return { source: unchanged(source), target: unchanged(target) };
    }
    checkRename({ moved: node, source, target, replaced }, sql);
    return tree.rename(node, {
      from: { directory: source, name: from.name },
      to: { directory: target, name: to.name },
      replaced,
    });
  }

  /**
   * Makes durable what was answered so far, as far as the option `durability`
   * promises. Where the disk does not take it ("no-space", "io", "read-only"),
   * what was changed since the last time is undone, and the store goes on. When
   * an fsync fails it is "io" from then on: {@linkcode failure}.
   */
  settle(): void | Promise<void> {
    return this.#store.committer.settle();
  }

  /** Changes and looks at what is not durable, where that can be told: see `FileSystem.unsettled`. */
  get unsettled(): number | undefined {
    const { nodes, transaction } = this.#store;
    const { failure, operations, extensions } = transaction;
    if (failure !== undefined) return undefined;
    return operations + extensions + nodes.shown;
  }

  /** Transactions that were undone: see `FileSystem.losses`. */
  get losses(): number {
    return this.#store.transaction.losses;
  }

  /** @internal The descriptors of the process are for all that it serves. */
  get [sharing](): Sharing {
    return { of: "descriptors", among: (count) => this.#store.share(count) };
  }

  /** Why the store is out of service until it is opened anew, or that its log only grows. */
  failure(): string | undefined {
    const { transaction, log } = this.#store;
    return transaction.failure?.message ?? log.trouble;
  }

  /** Makes everything durable and closes the store; rejects when that fails. */
  dispose(): Promise<void> {
    this[ended] = true;
    return this.#disposal ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    try {
      await this.#store.committer.close(() => this.#saveUnsaved(true));
    } finally {
      await this.#store.close();
    }
  }

  #folder(node: SqliteNode): SqliteNode {
    const live = this.#store.nodes.live(node);
    if (live.type !== "directory") throw new FsError("not-directory");
    return live;
  }

  #file(node: SqliteNode): SqliteNode {
    const live = this.#store.nodes.live(node);
    if (live.type !== "file") throw notAFile(live.type);
    return live;
  }

  /** All of what `changes` leaves or sets. */
  #changed(node: SqliteNode, changes: AttributeChanges): MutableAttributes {
    const now = this.#options.now();
    const { mode, uid, gid, size, atime, mtime, birthtime } = changes;
    const moved = size === undefined ? node.mtime : now;
    return {
      mode: mode === undefined ? node.mode : mode & 0o7777,
      uid: uid ?? node.uid,
      gid: gid ?? node.gid,
      size: size ?? node.size,
      used: node.used,
      change: this.#store.transaction.number(),
      atime: atime === "now" ? now : atime ? { ...atime } : node.atime,
      mtime: mtime === "now" ? now : mtime ? { ...mtime } : moved,
      ctime: now,
      birthtime: birthtime ? { ...birthtime } : node.birthtime,
      outside: node.outside,
    };
  }

  /** Writes the attributes that wait in memory. */
  #saveUnsaved(andContent = false): void {
    const { nodes, transaction, data } = this.#store;
    if (transaction.failure !== undefined || nodes.unsaved.size === 0) return;
    transaction.run();
    for (const node of nodes.unsaved) {
      if (andContent) data.commit(node);
      else nodes.change(node);
    }
  }

  #checkSize(type: SqliteNode["type"], size: number): void {
    if (type !== "file") throw notAFile(type);
    if (size > this.#maxFileSize) throw new FsError("too-big");
    if (!(Number.isInteger(size) && size >= 0)) throw new FsError("invalid");
  }
}

function unchanged({ change }: SqliteNode): ChangeInfo {
  return { atomic: true, before: change, after: change };
}
