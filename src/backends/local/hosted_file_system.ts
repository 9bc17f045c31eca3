import { isSeenWhole, mayAskStatus } from "./file_system_type.ts";
import { ended } from "../../vfs/ended.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import { after, goingOn } from "../../base/ongoing_call.ts";
import { soundResults } from "../../vfs/checks.ts";
import { FsError } from "../../vfs/errors.ts";
import type { JudgedEntry, JudgedRename } from "../../vfs/judged.ts";
import { type Sharing, sharing } from "../../vfs/sharing.ts";
import type { Rights } from "../../vfs/wanted.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  ContentKind,
  Created,
  CreateKind,
  CreateOptions,
  DirectoryName,
  DirectoryPage,
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  FileSystemStatus,
  HostFolder,
  OpenMode,
  ReadResult,
  SetXattrOption,
  Stability,
  Trust,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import { Approach } from "./approach.ts";
import { checkChanges } from "./attribute_changes.ts";
import { create } from "./create.ts";
import { link, remove, rename } from "./entries.ts";
import { toFsError } from "./errno.ts";
import { largestFile } from "./largest_file.ts";
import type { Host } from "./host.ts";
import { limitationsOf } from "./limitations.ts";
import { Locator } from "./locator.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import { decodeIdentity, encodeIdentity } from "./node_table.ts";
import type { HostedOptions } from "./options.ts";
import { MountWatch } from "./mount_watch.ts";
import { readPage } from "./pages.ts";
import { changeRange, type RangeChange, seek } from "./ranges.ts";
import { setAttributes } from "./set_attributes.ts";
import { Store } from "./store.ts";
import {
  type Bearer,
  getXattr,
  listXattrs,
  removeXattr,
  setXattr,
  withoutXattrs,
} from "./xattrs.ts";
import { hostRoom } from "../common/host_room.ts";
import { MAX_SYNC, readFile, writeFile } from "../common/transfers.ts";

/** Where only this server changes files. */
export const NO_GUARD: Disposable = { [Symbol.dispose]: () => {} };

/** How often a file is looked for that moves while it is used. */
const MAX_SEARCHES = 4;

/** An existing folder of the host as a file system; made by `local`. */
export class HostedFileSystem implements FileSystem<LocalNode> {
  /** Itself, unless it is a class of others that extends it. */
  readonly [soundResults]: object | undefined;
  /** What the host's calls can do; of the file system below nothing is known. */
  readonly limits: FileSystemLimits;
  /** Owners and modes are the host's own, and guard what others of the host have. */
  readonly trust: Trust = "owner";
  /** The folder itself, for all to see. */
  readonly folder: HostFolder;
  /** What is missing for want of libc, or in the folder's own file system; see `LocalFileSystem`. */
  readonly limitations: readonly string[];
  /** Whether {@linkcode HostedFileSystem.guard} can be had of any file. */
  readonly canGuard: boolean;
  /** Whether the host keeps extended attributes there. */
  readonly hasXattrs: boolean;
  readonly #store: Store;
  readonly #locator: Locator;
  readonly #approach: Approach;
  readonly #exclusive: boolean;
  readonly #mount: MountWatch;
  #failure: string | undefined;
  /** Whether it was disposed of: it can't be served again. */
  [ended]: boolean = false;
  #disposed: Promise<void> | undefined;

  /** `path` is an existing folder, without symlinks. */
  constructor(host: Host, path: string, options: HostedOptions = {}) {
    this[soundResults] = new.target === HostedFileSystem ? this : undefined;
    this.folder = { path, isShown: true };
    this.#store = new Store(host, path, options);
    this.#mount = new MountWatch(path, this.#store.clock);
    this.#exclusive = options.exclusive ?? false;
    this.canGuard = this.#exclusive || (host.canWatch && isSeenWhole(path));
    const { timeDelta, rawNames } = host;
    this.limitations = limitationsOf(this.#store.tree, path);
    this.limits = {
      timeDelta,
      rawNames,
      // What the host changes twice within a tick of its clock may show once.
      changeType: "time-metadata",
      defaultLists: host.hasAccessLists,
      maxFileSize: largestFile(path),
    };
    if (host.ranges === undefined) withoutRanges(this);
    // Deno would ask the user in the middle of a request.
    if (!mayAskStatus()) {
      Object.defineProperty(this, "status", { value: undefined });
    }
    this.hasXattrs = host.xattrs !== undefined;
    if (!this.hasXattrs) withoutXattrs(this);
    this.#locator = new Locator(this.#store);
    this.#approach = new Approach(this.#store);
  }

  /** The descriptors of the process are for all that it serves. */
  get [sharing](): Sharing {
    return { of: "descriptors", among: (count) => this.#store.share(count) };
  }

  /** Syncs of the host that failed: what clients wrote and did not commit may be gone. */
  get lostWrites(): number {
    return this.#store.files.lostWrites;
  }

  /** Why the host has another file system there than is served, in one line. */
  failure(): string | undefined {
    this.#mount.look((news) => this.#failure = news?.reason);
    return this.#failure;
  }

  /**
   * Runs `act` on these nodes, which waits only where the host does or they are far;
   * again, when a file has to be found first. What comes after a wait is
   * {@linkcode goingOn}, here and in what `act` does.
   */
  #run<T>(
    nodes: readonly LocalNode[],
    act: () => Awaitable<T>,
    searches = MAX_SEARCHES,
  ): Awaitable<T> {
    const recover = (error: unknown) =>
      this.#recover(error, () => this.#run(nodes, act, searches - 1), searches);
    try {
      const given = after(this.#approach.to(nodes), act);
      return given instanceof Promise ? given.catch(goingOn(recover)) : given;
    } catch (error) {
      return recover(error);
    }
  }

  /** The same of what reads or changes a file, when no change of its size is under way. */
  #runOn<T>(
    file: LocalNode,
    act: () => Awaitable<T>,
    nodes: readonly LocalNode[] = [file],
  ): Awaitable<T> {
    return this.#run(nodes, () => this.#store.resizes.after(file, act));
  }

  #recover<T>(
    error: unknown,
    again: () => Awaitable<T>,
    searches: number,
  ): Awaitable<T> {
    if (!(error instanceof Misplaced)) throw toFsError(error);
    if (searches === 0) throw new FsError("busy", error.message);
    return after(this.#locator.relocate(error.node).catch(rethrow), again);
  }

  /** The folder itself. */
  root(): LocalNode {
    return this.#store.tree.root;
  }

  /** 11 bytes: inode number, and a hash of what tells its uses apart. */
  identify(node: LocalNode): Uint8Array {
    try {
      return encodeIdentity(this.#store.tree.remember(node));
    } catch (error) {
      // Its folder was moved since it was listed.
      throw error instanceof Misplaced
        ? new FsError("stale")
        : toFsError(error);
    }
  }

  /** The node, from memory or found again; "busy" when looking for it has to wait. */
  resolve(identity: Uint8Array): Awaitable<LocalNode> {
    const decoded = decodeIdentity(identity);
    if (decoded === undefined) throw new FsError("stale");
    const { root, table } = this.#store.tree;
    const node = table.get(decoded.inode);
    if (node?.tag === decoded.tag) {
      if (node === root || node.places.length > 0) return node;
      // Without a name, but needed.
      if (node.isGone && node.isNeeded) return node;
    }
    return this.#locator.find(decoded.inode, decoded.tag).catch(rethrow);
  }

  /** The attributes as the host has them now. */
  getattr(
    node: LocalNode,
    wanted?: WantedAttributes,
  ): Awaitable<FileAttributes> {
    return this.#run([node], () => this.#store.stat(node, wanted));
  }

  /** An entry of this file system; what is mounted in the folder is not there. */
  lookup(directory: LocalNode, name: string): Awaitable<LocalNode | undefined> {
    return this.#run(
      [directory],
      () => this.#store.tree.lookup(directory, name),
    );
  }

  /** The folder that a folder is in. */
  parent(directory: LocalNode): Awaitable<LocalNode> {
    return this.#run([directory], () => {
      this.#store.tree.folder(directory);
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
    return this.#run(
      [directory],
      () => readPage(this.#store, directory, request),
    );
  }

  /** Reads up to the end of the file, or until the target is full. */
  read(
    file: LocalNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    return this.#runOn(file, () => {
      const { files, host, resizes, tree } = this.#store;
      const descriptor = files.reading(file);
      tree.checkHeld(file, descriptor);
      const { length } = target;
      if (length === 0) {
        return { bytes: 0, eof: offset >= host.statFile(descriptor.fd).size };
      }
      const bytes = readFile(host, {
        file: descriptor,
        buffer: target,
        offset,
        atOnce: MAX_SYNC,
        locked: () => resizes.of(file),
      });
      if (bytes instanceof Promise) {
        return bytes.then(async (bytes) => {
          if (bytes < length) return { bytes, eof: true };
          const { size } = await this.getattr(file);
          return { bytes, eof: offset + bytes >= size };
        });
      }
      const eof = bytes < length ||
        offset + bytes >= host.statFile(descriptor.fd).size;
      return { bytes, eof };
    });
  }

  /** The target as it was given. */
  readlink(symlink: LocalNode): Awaitable<string> {
    if (symlink.type !== "symlink") throw new FsError("wrong-type");
    return this.#run([symlink], () => {
      return this.#store.host.readLink(this.#store.locate(symlink));
    });
  }

  /** Room of the host's file system. */
  status(): Awaitable<FileSystemStatus> {
    return this.#run([], () => {
      const { host, tree } = this.#store;
      return hostRoom(host.folderPath(tree.folder(tree.root)));
    });
  }

  /** Holds the file open until as many `close`s came. */
  open(file: LocalNode, mode: OpenMode): Awaitable<void> {
    return this.#run([file], () => {
      const { files, tree } = this.#store;
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
    this.#store.files.release(file);
    this.#store.tree.table.forgetGone(file);
  }

  /** Changes attributes; "permission" for what the host does not let this process do. */
  setattr(
    node: LocalNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const wanted = { changes, judged };
    return this.#runOn(node, () => setAttributes(this.#store, node, wanted));
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
    return this.#runOn(file, () => {
      const store = this.#store;
      const { files, guards, host, tree, writes } = store;
      const descriptor = files.writing(file);
      tree.checkHeld(file, descriptor);
      const done = (): Awaitable<Stability> => {
        store.touched(file);
        // The descriptor may have been changed for another one while we waited.
        (file.descriptor ?? descriptor).isUnsynced = true;
        if (stability === "unstable") return stability;
        return store.flush(file, { all: stability === "file" })
          .then(() => stability);
      };
      descriptor.isUnsynced = true;
      // Also where the host writes a part and fails.
      tree.moment.end();
      const written = writeFile(host, {
        file: descriptor,
        data,
        offset,
        pace: writes,
        locked: () => store.resizes.of(file),
      });
      return written instanceof Promise
        ? guards.during(file, written).then(done)
        : done();
    });
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
    return this.#runOn(file, () => changeRange(this.#store, file, how));
  }

  /** Where the host's file system says that data or a hole begins. */
  seek(
    file: LocalNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    return this.#runOn(file, () => seek(this.#store, file, offset, what));
  }

  /** The value of an extended attribute of the host's users. */
  getxattr(node: LocalNode, name: string): Awaitable<Uint8Array | undefined> {
    return this.#run([node], () => getXattr(this.#bearer(node), name));
  }

  /** Their names, but for those that are not UTF-8. */
  listxattrs(node: LocalNode): Awaitable<string[]> {
    return this.#run([node], () => listXattrs(this.#bearer(node)));
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
    return this.#runOn(node, () => setXattr(this.#bearer(node), made, judged));
  }

  /** Removes one. */
  removexattr(
    node: LocalNode,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    return this.#runOn(
      node,
      () => removeXattr(this.#bearer(node), name, judged),
    );
  }

  #bearer(node: LocalNode): Bearer {
    const calls = this.#store.host.xattrs;
    if (calls === undefined) throw new FsError("not-supported");
    return { store: this.#store, node, calls };
  }

  /** Makes content and size durable. An error of the host is told. */
  commit(file: LocalNode): Awaitable<void> {
    return this.#run([file], () => this.#store.flush(file, { all: false }));
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
    return this.#run(
      [directory],
      () => create(this.#store, { directory, name }, { kind, ...options }),
    );
  }

  /** A further name, as far as the host's file system has hard links. */
  link(
    node: LocalNode,
    directory: LocalNode,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    return this.#runOn(
      node,
      () => link(this.#store, node, { directory, name, judged }),
      [node, directory],
    );
  }

  /** Removes a file, or an empty folder. */
  remove(
    directory: LocalNode,
    name: string,
    judged?: JudgedEntry<LocalNode>,
  ): Awaitable<ChangeInfo> {
    return this.#run(
      [directory],
      () => remove(this.#store, { directory, name, judged }),
    );
  }

  /** Moves an entry as the host does: at once, or not at all. */
  rename(
    from: DirectoryName<LocalNode>,
    to: DirectoryName<LocalNode>,
    judged?: JudgedRename<LocalNode>,
  ): Awaitable<{ source: ChangeInfo; target: ChangeInfo }> {
    return this.#run(
      [from.directory, to.directory],
      () =>
        rename(
          this.#store,
          { ...from, judged: judged?.from },
          { ...to, judged: judged?.to },
        ),
    );
  }

  /** The host's own changes to files that are guarded are told. */
  watch(recall: (node: LocalNode) => Promise<void>): void {
    this.#store.guards.tell(recall);
  }

  /** Watches the file for what the host's own programs do to it, where the host can. */
  guard(file: LocalNode): Disposable | undefined {
    if (this.#exclusive) return NO_GUARD;
    const guard = this.#store.guards.guard(file);
    return guard && {
      [Symbol.dispose]: () => {
        guard[Symbol.dispose]();
        // What the host has removed meanwhile need not be held any more.
        this.#store.idle.letGo(file);
        this.#store.tree.table.forgetGone(file);
      },
    };
  }

  /** What the host's programs do to the entries of a folder is not seen. */
  guardFolder(): Disposable | undefined {
    return this.#exclusive ? NO_GUARD : undefined;
  }

  /** Makes everything durable and closes what is open. */
  dispose(): Promise<void> {
    this[ended] = true;
    return this.#disposed ??= this.#store.dispose();
  }
}

/** It is without what takes libc. */
export function withoutRanges(fs: object): void {
  for (const name of ["allocate", "deallocate", "seek"]) {
    Object.defineProperty(fs, name, { value: undefined });
  }
}

/** What went wrong, in the words of a file system. */
function rethrow(error: unknown): never {
  throw toFsError(error);
}
