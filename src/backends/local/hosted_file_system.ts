import { mayAskStatus } from "./file_system_type.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import { soundResults } from "../../vfs/checks.ts";
import { FsError } from "../../vfs/errors.ts";
import type { JudgedEntry, JudgedRename } from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  CloneRange,
  ContentKind,
  Created,
  CreateKind,
  CreateOptions,
  DirectoryName,
  DirectoryPage,
  FileAttributes,
  FileSystem,
  FileSystemStatus,
  OpenMode,
  ReadResult,
  SetXattrOption,
  Stability,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import { checkChanges } from "./attribute_changes.ts";
import { clone, withoutClone } from "./clone.ts";
import { readContent, writeContent } from "./content.ts";
import { create } from "./create.ts";
import { toFsError } from "./errno.ts";
import { NO_GUARD } from "./guards.ts";
import { HostedFolder } from "./hosted_folder.ts";
import type { Host } from "./host.ts";
import { link } from "./link.ts";
import { lookup } from "./lookup.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import { NodeCalls } from "./node_calls.ts";
import { encodeIdentity } from "./node_table.ts";
import type { HostedOptions } from "./options.ts";
import { readPage } from "./pages.ts";
import {
  changeRange,
  type RangeChange,
  seek,
  withoutRanges,
} from "./ranges.ts";
import { remove } from "./remove.ts";
import { rename } from "./rename.ts";
import { setAttributes } from "./set_attributes.ts";
import {
  type Bearer,
  getXattr,
  listXattrs,
  removeXattr,
  setXattr,
  withoutXattrs,
} from "./xattrs.ts";
import { hostRoom } from "../common/host_room.ts";

/** An existing folder of the host as a file system; made by `local`. */
export class HostedFileSystem extends HostedFolder
  implements FileSystem<LocalNode> {
  /** Itself, unless it is a class of others that extends it. */
  readonly [soundResults]: object | undefined;
  readonly #calls: NodeCalls;

  /** `path` is an existing folder, without symlinks. */
  constructor(host: Host, path: string, options: HostedOptions = {}) {
    super(host, path, options);
    this[soundResults] = new.target === HostedFileSystem ? this : undefined;
    if (host.ranges === undefined) withoutRanges(this);
    if (host.clones === undefined) withoutClone(this);
    // Deno would ask the user in the middle of a request.
    if (!mayAskStatus()) {
      Object.defineProperty(this, "status", { value: undefined });
    }
    if (!this.hasXattrs) withoutXattrs(this);
    this.#calls = new NodeCalls(this.store);
  }

  /** The folder itself. */
  root(): LocalNode {
    return this.store.tree.root;
  }

  /** 11 bytes: inode number, and a hash of what tells its uses apart. */
  identify(node: LocalNode): Uint8Array {
    try {
      return encodeIdentity(this.store.tree.remember(node));
    } catch (error) {
      // Its folder was moved since it was listed.
      throw error instanceof Misplaced
        ? new FsError("stale")
        : toFsError(error);
    }
  }

  /** The node, from memory or found again; "busy" when looking for it has to wait. */
  resolve(identity: Uint8Array): Awaitable<LocalNode> {
    return this.#calls.resolve(identity);
  }

  /** The attributes as the host has them now. */
  getattr(
    node: LocalNode,
    wanted?: WantedAttributes,
  ): Awaitable<FileAttributes> {
    return this.#calls.on([node], () => this.store.stat(node, wanted));
  }

  /** An entry of this file system; what is mounted in the folder is not there. */
  lookup(directory: LocalNode, name: string): Awaitable<LocalNode | undefined> {
    return this.#calls.onUnlocked(
      [directory],
      () => lookup(this.store, directory, name),
    );
  }

  /** The folder that a folder is in. */
  parent(directory: LocalNode): Awaitable<LocalNode> {
    return this.#calls.on([directory], () => {
      this.store.tree.folders.open(directory);
      return directory.places[0]?.parent ?? this.root();
    });
  }

  /** Entries in the order of their cookies; names that are not UTF-8 only where the host takes them. */
  readdir(
    directory: LocalNode,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Awaitable<DirectoryPage<LocalNode>> {
    const request = { cookie, limit, wanted };
    return this.#calls.onUnlocked(
      [directory],
      () => readPage(this.store, directory, request),
    );
  }

  /** Reads up to the end of the file, or until the target is full. */
  read(
    file: LocalNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    const read = { offset, target, stat: () => this.getattr(file) };
    return this.#calls.onUnlocked(
      [file],
      () => readContent(this.store, file, read),
    );
  }

  /** The target as it was given. */
  readlink(symlink: LocalNode): Awaitable<string> {
    if (symlink.type !== "symlink") throw new FsError("wrong-type");
    return this.#calls.on([symlink], () => {
      return this.store.host.readLink(this.store.locate(symlink));
    });
  }

  /** Room of the host's file system. */
  status(): Awaitable<FileSystemStatus> {
    return this.#calls.on([], () => {
      const { host, tree } = this.store;
      return hostRoom(host.folderPath(tree.folders.open(tree.root)));
    });
  }

  /** Holds the file open until as many `close`s came. */
  open(file: LocalNode, mode: OpenMode): Awaitable<void> {
    return this.#calls.on([file], () => {
      const { files, tree } = this.store;
      const descriptor = mode.write ? files.writing(file) : files.reading(file);
      tree.checkHeld(file, descriptor);
      if (mode.read) file.readers++;
      if (mode.write) file.writers++;
    });
  }

  /** Ends one `open`. */
  close(file: LocalNode, mode: OpenMode): void {
    if (mode.read && file.readers > 0) file.readers--;
    if (mode.write && file.writers > 0) file.writers--;
    this.store.files.release(file);
    this.store.tree.table.forgetGone(file);
  }

  /** Changes attributes; "permission" for what the host does not let this process do. */
  setattr(
    node: LocalNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const wanted = { changes, judged };
    return this.#calls.onUnlocked(
      [node],
      () => setAttributes(this.store, node, wanted),
    );
  }

  /** Writes all of `data`; durable only where that is asked for. */
  write(
    file: LocalNode,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<Stability> {
    if (offset + data.length > Number.MAX_SAFE_INTEGER) {
      throw new FsError("too-big");
    }
    const written = { offset, data, stability };
    return this.#calls.onUnlocked(
      [file],
      () => writeContent(this.store, file, written),
    );
  }

  /** Room for bytes of the file, as the host gives it. */
  allocate(file: LocalNode, offset: number, length: number): Awaitable<void> {
    return this.#changeRange(file, { change: "allocate", offset, length });
  }

  /** A hole, as far as the host's file system has them. */
  deallocate(file: LocalNode, offset: number, length: number): Awaitable<void> {
    return this.#changeRange(file, { change: "deallocate", offset, length });
  }

  #changeRange(file: LocalNode, how: RangeChange): Awaitable<void> {
    return this.#calls.onUnlocked(
      [file],
      () => changeRange(this.store, file, how),
    );
  }

  /** Blocks that two files share, where the host's file system has that. */
  clone(
    source: LocalNode,
    target: LocalNode,
    range: CloneRange,
  ): Awaitable<void> {
    const files = [source, target] as const;
    return this.#calls.onUnlocked(
      files,
      () => clone(this.store, files, range),
    );
  }

  /** Where the host's file system says that data or a hole begins. */
  seek(
    file: LocalNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    return this.#calls.onUnlocked(
      [file],
      () => seek(this.store, file, offset, what),
    );
  }

  /** The value of an extended attribute of the host's users. */
  getxattr(node: LocalNode, name: string): Awaitable<Uint8Array | undefined> {
    return this.#calls.on([node], () => getXattr(this.#bearer(node), name));
  }

  /** Their names, but for those that are not UTF-8. */
  listxattrs(node: LocalNode): Awaitable<string[]> {
    return this.#calls.on([node], () => listXattrs(this.#bearer(node)));
  }

  /** Makes or replaces one, as far as the host's file system has room for it. */
  setxattr(
    node: LocalNode,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const made = { name, value, option };
    return this.#calls.onUnlocked(
      [node],
      () => setXattr(this.#bearer(node), made, judged),
    );
  }

  /** Removes one. */
  removexattr(
    node: LocalNode,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    return this.#calls.onUnlocked(
      [node],
      () => removeXattr(this.#bearer(node), name, judged),
    );
  }

  #bearer(node: LocalNode): Bearer {
    const calls = this.store.host.xattrs;
    if (calls === undefined) throw new FsError("not-supported");
    return { store: this.store, node, calls };
  }

  /** Makes content and size durable. An error of the host is told. */
  commit(file: LocalNode): Awaitable<void> {
    return this.#calls.on(
      [file],
      () => this.store.flush(file, { all: false }),
    );
  }

  /**
   * Makes an entry that belongs to the user whom the attributes name, as far as
   * the host lets us.
   */
  create(
    directory: LocalNode,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Awaitable<Created<LocalNode>> {
    checkChanges(kind.type, options.attributes);
    return this.#calls.onUnlocked(
      [directory],
      () => create(this.store, { directory, name }, { kind, ...options }),
    );
  }

  /** A further name, as far as the host's file system has hard links. */
  link(
    node: LocalNode,
    directory: LocalNode,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    return this.#calls.onUnlocked(
      [node, directory],
      () => link(this.store, node, { directory, name, judged }),
    );
  }

  /** Removes a file, or an empty folder. */
  remove(
    directory: LocalNode,
    name: string,
    judged?: JudgedEntry<LocalNode>,
  ): Awaitable<ChangeInfo> {
    return this.#calls.onUnlocked(
      [directory],
      () => remove(this.store, { directory, name, judged }),
    );
  }

  /** Moves an entry as the host does: at once, or not at all. */
  rename(
    from: DirectoryName<LocalNode>,
    to: DirectoryName<LocalNode>,
    judged?: JudgedRename<LocalNode>,
  ): Awaitable<{ source: ChangeInfo; target: ChangeInfo }> {
    return this.#calls.onUnlocked(
      [from.directory, to.directory],
      () =>
        rename(
          this.store,
          { ...from, judged: judged?.from },
          { ...to, judged: judged?.to },
        ),
    );
  }

  /** The host's own changes to files that are guarded are told. */
  watch(recall: (node: LocalNode) => Promise<void>): void {
    this.store.guards.tell(recall);
  }

  /** Watches the file for what the host's own programs do to it, where the host can. */
  guard(file: LocalNode): Disposable | undefined {
    if (this.isExclusive) return NO_GUARD;
    const guard = this.store.guards.guard(file);
    return guard && {
      [Symbol.dispose]: () => {
        guard[Symbol.dispose]();
        // What the host has removed meanwhile need not be held any more.
        this.store.idle.letGo(file);
        this.store.tree.table.forgetGone(file);
      },
    };
  }

  /** What the host's programs do to the entries of a folder is not seen. */
  guardFolder(): Disposable | undefined {
    return this.isExclusive ? NO_GUARD : undefined;
  }
}
