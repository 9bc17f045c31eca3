import { type Sharing, sharing } from "../../vfs/sharing.ts";
import { ended } from "../../vfs/ended.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import { checkType } from "../../base/option_values.ts";
import { soundResults } from "../../vfs/checks.ts";
import {
  assertJudged,
  type AttributeChanges,
  type ChangeInfo,
  type CloneRange,
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
  type FsErrorCode,
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
import { MAX_NAME } from "../common/names.ts";
import { assertMayHaveXattrs } from "../common/xattrs.ts";
import { MEMORY } from "./database.ts";
import { MAX_LINK } from "./directory_tree.ts";
import { Entries } from "./entries.ts";
import { FileAccess } from "./file_access.ts";
import type { SqliteNode } from "./node.ts";
import { complete, type CompleteOptions } from "./options.ts";
import type { SqliteOptions } from "./options.ts";
import type { Records } from "./records.ts";
import { ROOT } from "./schema.ts";
import type { Segment } from "./segments.ts";
import { Settling } from "./settling.ts";
import type { SqliteStats } from "./stats.ts";
import { openStore, type Store } from "./store.ts";

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
  readonly #settling: Settling;
  readonly #entries: Entries;
  readonly #access: FileAccess;
  readonly #root: SqliteNode;
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
    const store = this.#store = openStore(directory, this.#options);
    const settling = this.#settling = new Settling(store);
    this.#entries = new Entries(store);
    this.#access = new FileAccess({ ...store, settling });
    this.folder = directory === MEMORY
      ? undefined
      : { path: store.directory, isShown: false };
    const { maxFileSize, records, nodes, data, room } = store;
    this.limits = {
      accessLists: true,
      maxName: MAX_NAME,
      maxFileSize,
      maxLink: MAX_LINK,
      hasQuota: room.quota !== Infinity,
      // A number of the whole store: it grows by more than one.
      changeType: "monotonic",
    };
    if (!data.ranges.areTold) {
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
      writtenBytes: this.#access.writtenBytes,
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
    return this.#entries.lookup(directory, name);
  }

  /** The parent of a folder; the root is its own. */
  parent(directory: SqliteNode): SqliteNode {
    return this.#entries.parent(directory);
  }

  /** Up to `limit` entries after `cookie`, in the order of their making. */
  readdir(
    directory: SqliteNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<SqliteNode> {
    return this.#entries.list(directory, cookie, limit);
  }

  /** Where an entry stands in the listing. */
  place(directory: SqliteNode, name: string): EntryPlace | undefined {
    return this.#entries.place(directory, name);
  }

  /** Makes an entry. */
  create(
    directory: SqliteNode,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Created<SqliteNode> {
    return this.#entries.create({ directory, name }, kind, options);
  }

  /** A further name for a node that is not a folder. */
  link(
    node: SqliteNode,
    directory: SqliteNode,
    name: string,
    judged?: Rights,
  ): ChangeInfo {
    return this.#entries.link(node, { directory, name }, judged);
  }

  /** Removes an entry; a folder only when it is empty. */
  remove(
    directory: SqliteNode,
    name: string,
    judged?: JudgedEntry<SqliteNode>,
  ): ChangeInfo {
    return this.#entries.remove({ directory, name }, judged);
  }

  /** Moves an entry, replacing what POSIX allows it to replace. */
  rename(
    from: DirectoryName<SqliteNode>,
    to: DirectoryName<SqliteNode>,
    judged?: JudgedRename<SqliteNode>,
  ): { source: ChangeInfo; target: ChangeInfo } {
    return this.#entries.rename(from, to, judged);
  }

  /** The target of a symlink; "wrong-type" for anything else. */
  readlink(symlink: SqliteNode): string {
    const live = this.#store.nodes.live(symlink);
    if (live.target === undefined) throw new FsError("wrong-type");
    this.#store.accessTimes.note(live);
    return live.target;
  }

  /** Changes attributes, all or none. */
  setattr(
    node: SqliteNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    return this.#access.setattr(node, changes, judged);
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

  /** Keeps the file until it is closed, with or without a name. */
  open(file: SqliteNode, _mode: OpenMode): void {
    this.#access.open(file);
  }

  /** Ends one open; the last one of a file without a name frees it. */
  close(file: SqliteNode, _mode: OpenMode): void {
    this.#access.close(file);
  }

  /** Keeps files without a name for clients that may have had them open before a restart. */
  preserveUnlinked(): Disposable {
    return this.#store.preserved.keep();
  }

  /** Fills `target` with content from `offset` on. */
  read(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    return this.#access.read(file, offset, target);
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
    return this.#access.write(file, offset, { data, stability });
  }

  /** A hole, as far as the host has them in its files; zeros in what is kept in the database. */
  deallocate(
    file: SqliteNode,
    offset: number,
    length: number,
  ): Awaitable<void> {
    return this.#access.deallocate(file, offset, length);
  }

  /** Has a range of one file share the bytes of another's, or of its own; a file in the database is copied. */
  clone(
    source: SqliteNode,
    target: SqliteNode,
    range: CloneRange,
  ): Awaitable<void> {
    return this.#access.clone(source, target, range);
  }

  /** Where the next data or hole begins, where the host can tell that of its files. */
  seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    return this.#access.seek(file, offset, what);
  }

  /** @internal The parts of a file that may be other than zeros, in order: what an archive has to hold. */
  segments(file: SqliteNode): readonly Segment[] {
    const { data, nodes } = this.#store;
    return data.ranges.segments(nodes.live(file));
  }

  /** Everything written to the file is durable with the next {@linkcode settle}. */
  commit(file: SqliteNode): Awaitable<void> {
    return this.#access.commit(file);
  }

  /** Room on the disk, or what the quota leaves of it. */
  status(): FileSystemStatus {
    const { room, place, nodes } = this.#store;
    nodes.showAll();
    return room.status(place.total);
  }

  /**
   * Makes durable what was answered so far, as far as the option `durability`
   * promises. Where the disk does not take it ("no-space", "io", "read-only"),
   * what was changed since the last time is undone, and the store goes on. When
   * an fsync fails it is "io" from then on: {@linkcode failure}.
   */
  settle(): void | Promise<void> {
    return this.#settling.settle();
  }

  /** Changes and looks at what is not durable, where that can be told: see `FileSystem.unsettled`. */
  get unsettled(): number | undefined {
    return this.#settling.unsettled;
  }

  /** Transactions that were undone: see `FileSystem.losses`. */
  get losses(): number {
    return this.#settling.losses;
  }

  /** Why the last of these was: see `FileSystem.loss`. */
  get loss(): FsErrorCode | undefined {
    return this.#settling.loss;
  }

  /** @internal The descriptors of the process are for all that it serves. */
  get [sharing](): Sharing {
    return { of: "descriptors", among: (count) => this.#store.share(count) };
  }

  /** Why the store is out of service until it is opened anew, or that its log only grows. */
  failure(): string | undefined {
    return this.#settling.failure();
  }

  /** Makes everything durable and closes the store; rejects when that fails. */
  dispose(): Promise<void> {
    this[ended] = true;
    return this.#disposal ??= this.#settling.close();
  }
}
