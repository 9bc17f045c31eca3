import type { Awaitable } from "../../base/awaitable.ts";
import { LoopTurn } from "../../base/turn.ts";
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
  type JudgedEntry,
  type JudgedRename,
  type OpenMode,
  type ReadResult,
  type Rights,
  type SetXattrOption,
  type Stability,
  type Timestamp,
  type Trust,
} from "../../vfs/mod.ts";
import { type Sharing, sharing } from "../../vfs/sharing.ts";
import { Capacity } from "../common/capacity.ts";
import { decodeIdentity, encodeIdentity } from "../common/identity.ts";
import { MAX_NAME } from "../common/names.ts";
import { PAGE } from "../common/piece.ts";
import { assertMayHaveXattrs } from "../common/xattrs.ts";
import { changeList } from "./access_lists.ts";
import { Directory } from "./directory.ts";
import { Entries, MAX_LINK } from "./entries.ts";
import {
  accessed,
  applyChanges,
  assertLive,
  changed,
  checkSize,
  contentChanged,
  contentOf,
  entriesOf,
  type MemoryNode,
  unchanged,
} from "./node.ts";
import { NodeTable } from "./node_table.ts";
import { complete, type MemoryOptions } from "./options.ts";
import { allocate, clone, deallocate } from "./ranges.ts";
import { Xattrs } from "./xattrs.ts";

/**
 * A file system in memory. It can do everything that {@linkcode FileSystem}
 * names, waits but to allocate much, and is empty again after a restart.
 *
 * Setuid and setgid bits of a file that is written or given away are not
 * cleared here: whether they have to go depends on the caller, whom the server
 * knows and clears in the same setattr, or in one before the write.
 */
export class MemoryFileSystem implements FileSystem<MemoryNode> {
  /** Itself, unless it is a class of others that extends it. */
  readonly [soundResults]: object | undefined;
  /** Names of 255 bytes, files of 2^53 - 1 bytes, 65535 links, clones in blocks of 64 KiB. */
  readonly limits: FileSystemLimits;
  /** What has to speak for a caller where the export does not say. */
  readonly trust: Trust;
  readonly #now: () => Timestamp;
  readonly #instance: number;
  readonly #capacity: Capacity;
  readonly #nodes: NodeTable;
  readonly #entries: Entries;
  readonly #root: MemoryNode;
  readonly #turn = new LoopTurn();

  /**
   * Empty but for its root. Throws a `TypeError` for an option that there is not
   * or of another type, and a `RangeError` for one out of range.
   */
  constructor(options: MemoryOptions = {}) {
    this[soundResults] = new.target === MemoryFileSystem ? this : undefined;
    const { maxBytes, maxFiles, maxHeap, ...rest } = complete(options);
    const { mode, uid, gid, trust, now, instance } = rest;
    this.trust = trust;
    this.limits = {
      accessLists: true,
      cloneBlock: PAGE,
      changeType: "version-counter",
      hasQuota: options.maxBytes !== undefined,
      maxName: MAX_NAME,
      maxFileSize: Number.MAX_SAFE_INTEGER,
      maxLink: MAX_LINK,
    };
    this.#now = now;
    this.#instance = instance;
    const capacity = this.#capacity = new Capacity({
      bytes: maxBytes,
      heap: maxHeap,
      files: maxFiles,
    });
    const nodes = this.#nodes = new NodeTable({ capacity, now });
    this.#entries = new Entries({ capacity, now, nodes });
    // Even where there is no room for anything else.
    capacity.takeNode(0);
    this.#root = nodes.make({ type: "directory" }, { mode, uid, gid });
    this.#root.directory = new Directory(this.#root);
  }

  /** @internal V8's heap is for all that the process serves. */
  get [sharing](): Sharing {
    return { of: "heap", among: (count) => this.#capacity.share(count) };
  }

  /** The root folder. */
  root(): MemoryNode {
    return this.#root;
  }

  /** 11 bytes: the instance and the number of the file. */
  identify(node: MemoryNode): Uint8Array {
    return node.identity ??= encodeIdentity(this.#instance, node.fileid);
  }

  /** The node of an identity; "stale" when it is gone or of another instance. */
  resolve(identity: Uint8Array): MemoryNode {
    const fileid = decodeIdentity(this.#instance, identity);
    const node = fileid === undefined ? undefined : this.#nodes.get(fileid);
    if (node === undefined) throw new FsError("stale");
    return node;
  }

  /** The node itself: its attributes are live. */
  getattr(node: MemoryNode): MemoryNode {
    assertLive(node);
    return node;
  }

  /** The entry `name` of a folder. */
  lookup(directory: MemoryNode, name: string): MemoryNode | undefined {
    return entriesOf(directory).get(name);
  }

  /** The parent of a folder; the root is its own. */
  parent(directory: MemoryNode): MemoryNode {
    return entriesOf(directory).parent;
  }

  /** Up to `limit` entries after `cookie`, in the order of their making, and with live attributes. */
  readdir(
    directory: MemoryNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<MemoryNode> {
    return this.#entries.list(directory, cookie, limit);
  }

  /** Where an entry stands in the listing. */
  place(directory: MemoryNode, name: string): EntryPlace | undefined {
    return entriesOf(directory).place(name);
  }

  /** Fills `target` with content from `offset` on. */
  read(file: MemoryNode, offset: number, target: Uint8Array): ReadResult {
    const content = contentOf(file);
    const bytes = content.read(offset, target);
    accessed(file, this.#now);
    return { bytes, eof: offset + bytes >= content.size };
  }

  /** The target of a symlink; "wrong-type" for anything else. */
  readlink(symlink: MemoryNode): string {
    assertLive(symlink);
    if (symlink.target === undefined) throw new FsError("wrong-type");
    accessed(symlink, this.#now);
    return symlink.target;
  }

  /** Bytes of memory, all that nodes and names take included, and numbers of nodes, as the options limit them. */
  status(): FileSystemStatus {
    const { totalBytes, freeBytes, totalFiles, freeFiles } = this.#capacity;
    return {
      totalBytes,
      freeBytes,
      availableBytes: freeBytes,
      totalFiles,
      freeFiles,
    };
  }

  /** Keeps the file until it is closed, with or without a name. */
  open(file: MemoryNode, _mode: OpenMode): void {
    assertLive(file);
    file.opens++;
  }

  /** Ends one open; the last one of a file without a name frees it. */
  close(file: MemoryNode, _mode: OpenMode): void {
    if (file.opens === 0) throw new FsError("invalid", "close without open");
    file.opens--;
    this.#nodes.freeIfUnused(file);
  }

  /** A file without a name stays until it is closed; nothing outlives a restart. */
  preserveUnlinked(): undefined {}

  /** Changes attributes, all or none. */
  setattr(
    node: MemoryNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): void {
    assertLive(node);
    assertJudged(judged, node);
    if (changes.size !== undefined) checkSize(node.type, changes.size);
    const now = this.#now();
    changeList(node, {
      list: changes.acl,
      capacity: this.#capacity,
      change: () => applyChanges(node, changes, now),
    });
    changed(node, now);
  }

  /**
   * Writes all of `data` or throws "too-big" or "no-space". Always "file": there
   * is no storage that a COMMIT could bring it closer to.
   */
  write(
    file: MemoryNode,
    offset: number,
    data: Uint8Array,
    _stability: Stability,
  ): Stability {
    const content = contentOf(file);
    checkSize("file", offset + data.length);
    // RFC 8881 18.32.3: a WRITE of nothing succeeds, and that is all.
    if (data.length === 0) return "file";
    content.write(offset, data);
    contentChanged(file, this.#now());
    return "file";
  }

  /** Room for bytes of a file, all of it or "no-space"; waits for the turns of others where that takes long. */
  allocate(
    file: MemoryNode,
    offset: number,
    length: number,
  ): Awaitable<void> {
    const terms = { now: this.#now, turn: this.#turn };
    return allocate(file, { offset, length }, terms);
  }

  /** Makes a hole, with zeros where a page is not in it as a whole. */
  deallocate(file: MemoryNode, offset: number, length: number): void {
    deallocate(file, { offset, length }, this.#now);
  }

  /** Shares pages of 64 KiB, 4 GiB of them at most, else "too-big": a page is copied when either file writes to it. */
  clone(source: MemoryNode, target: MemoryNode, range: CloneRange): void {
    clone(source, target, range, this.#now);
  }

  /** Where the next data or hole begins: what was never written, as far as pages of 64 KiB tell, is a hole. */
  seek(
    file: MemoryNode,
    offset: number,
    what: ContentKind,
  ): number | undefined {
    const content = contentOf(file);
    return offset < content.size ? content.seek(offset, what) : undefined;
  }

  /** The value of an extended attribute, if it is there. */
  getxattr(node: MemoryNode, name: string): Uint8Array | undefined {
    assertLive(node);
    return node.xattrs?.get(name);
  }

  /** The names of all extended attributes of a node. */
  listxattrs(node: MemoryNode): string[] {
    assertLive(node);
    return node.xattrs?.names() ?? [];
  }

  /** Makes or replaces an extended attribute of a file or folder. */
  setxattr(
    node: MemoryNode,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): ChangeInfo {
    assertLive(node);
    assertJudged(judged, node);
    assertMayHaveXattrs(node.type);
    node.xattrs ??= new Xattrs(this.#capacity);
    const isOther = node.xattrs.set({ name, value, option });
    return isOther ? this.#changed(node) : unchanged(node);
  }

  /** Removes an extended attribute. */
  removexattr(node: MemoryNode, name: string, judged?: Rights): ChangeInfo {
    assertLive(node);
    assertJudged(judged, node);
    if (node.xattrs === undefined) throw new FsError("no-xattr");
    node.xattrs.delete(name);
    return this.#changed(node);
  }

  /** There is nothing to do: every write is as safe as it can be. */
  commit(file: MemoryNode): void {
    assertLive(file);
  }

  /** Makes an entry. */
  create(
    directory: MemoryNode,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Created<MemoryNode> {
    return this.#entries.create({ directory, name }, kind, options);
  }

  /** A further name for a node that is not a folder. */
  link(
    node: MemoryNode,
    directory: MemoryNode,
    name: string,
    judged?: Rights,
  ): ChangeInfo {
    return this.#entries.link(node, { directory, name }, judged);
  }

  /** Removes an entry; a folder only when it is empty. */
  remove(
    directory: MemoryNode,
    name: string,
    judged?: JudgedEntry<MemoryNode>,
  ): ChangeInfo {
    return this.#entries.remove({ directory, name }, judged);
  }

  /** Moves an entry, replacing what POSIX allows it to replace. */
  rename(
    from: DirectoryName<MemoryNode>,
    to: DirectoryName<MemoryNode>,
    judged?: JudgedRename<MemoryNode>,
  ): { source: ChangeInfo; target: ChangeInfo } {
    return this.#entries.rename(from, to, judged);
  }

  /** An attribute of `node` was changed. */
  #changed(node: MemoryNode): ChangeInfo {
    const before = node.change;
    changed(node, this.#now());
    return { atomic: true, before, after: node.change };
  }
}
