import { isSeenWhole } from "./file_system_type.ts";
import fs from "node:fs";
import type { Awaitable } from "../../base/awaitable.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { LoopTurn, type Turn } from "../../base/turn.ts";
import { systemWallClock, type WallClock } from "../../base/wall_clock.ts";
import { accessListHolder } from "../../vfs/access_list.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ChangeInfo, WantedAttributes } from "../../vfs/file_system.ts";
import { AccessLists } from "./access_lists.ts";
import { changeOf } from "./change_counter.ts";
import { isReplaced } from "./errno.ts";
import { FileDescriptors } from "./file_descriptors.ts";
import { Guards } from "./guards.ts";
import { IdleFiles } from "./idle_files.ts";
import type { Host, HostName, HostStat, OpenFolder } from "./host.ts";
import type { HostLocks } from "./host_locks.ts";
import { KeptPages } from "./kept_pages.ts";
import { isLarge, isLongToFree } from "../common/long_calls.ts";
import { HostPace } from "../common/host_pace.ts";
import { Listings } from "./listings.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import { descriptorBudget, type HostedOptions } from "./options.ts";
import { openFolder, Settlement } from "./settlement.ts";
import { Tree } from "./tree.ts";
import { Verifiers } from "./verifiers.ts";

/** What the operations of a local file system share. */
export class Store {
  /** The host's calls. */
  readonly host: Host;
  /** Where files are. */
  readonly tree: Tree;
  /** Files that are open. */
  readonly files: FileDescriptors;
  /** Files that no client has open. */
  readonly idle: IdleFiles;
  /** Folders as they were listed. */
  readonly listings: Listings;
  /** Parts of them as they were answered. */
  readonly pages: KeptPages;
  /** Of exclusive creates. */
  readonly verifiers: Verifiers;
  /** Files that clients are trusted with. */
  readonly guards: Guards;
  /** The host's access lists, where it tells them. */
  readonly lists: AccessLists | undefined;
  /** Files and folders that a call of another thread has locked. */
  readonly locks: HostLocks;
  /** Whether writes are quick. */
  readonly writes: HostPace;
  /** Makes names and attributes durable, unless the host does that when it likes. */
  readonly settlement: Settlement | undefined;
  /** What is believed or done for a time goes by it. */
  readonly clock: Clock;
  /** What takes long pauses with it. */
  readonly turn: Turn;
  /** The time of day. */
  readonly now: WallClock;
  readonly #isAtomic: boolean;
  readonly #budget: number | undefined;
  /** The root, open to be synced. */
  readonly #root: number | undefined;

  /** `path` is an existing folder, without symlinks. */
  constructor(host: Host, path: string, options: HostedOptions) {
    this.#budget = options.maxDescriptors;
    const share = this.#shareAmong(1);
    this.host = host;
    const { clock = systemClock, turn = new LoopTurn() } = options;
    this.clock = clock;
    this.writes = new HostPace(clock);
    this.turn = turn;
    this.now = options.now ?? systemWallClock;
    this.#isAtomic = options.exclusive ?? false;
    this.tree = new Tree(host, path, {
      clock,
      limit: share,
      buried: (node) => this.#letGo(node),
      kept: options.kept,
    });
    this.locks = this.tree.locks;
    if (host.hasAccessLists) this.lists = new AccessLists(this.tree, this);
    this.files = new FileDescriptors(this.#openFile, {
      most: share * 4,
      mostNameless: share * 2,
      used: () => this.idle.expect(),
      host,
      clock,
    });
    const { files, tree } = this;
    this.idle = new IdleFiles({ files, tree, clock, turn });
    this.listings = new Listings(this.tree, { clock, now: this.now, turn });
    this.pages = new KeptPages({
      moment: this.tree.moment,
      locks: this.locks,
      clock,
      open: () => isSeenWhole(path) ? host.watchFolders() : undefined,
      pathOf: (directory) => host.folderPath(this.tree.folders.open(directory)),
    });
    this.verifiers = new Verifiers(this.tree);
    this.guards = new Guards({
      clock,
      turn,
      open: () => isSeenWhole(path) ? host.watchFiles() : undefined,
      exactly: (node, act) => this.tree.exactly(node, act),
      stat: (node) =>
        node.descriptor === undefined
          ? this.tree.stat(node)
          : host.statFile(node.descriptor.fd),
    });
    if (options.durability !== "os") {
      this.#root = openFolder(host.folderPath(tree.folders.open(tree.root)));
      this.settlement = new Settlement(tree, files, this.#root);
    }
  }

  /** Takes a part of the descriptors that so many file systems share, where no option says how many are its own. */
  share(count: number): void {
    const share = this.#shareAmong(count);
    this.tree.folders.limitTo(share);
    this.files.limitTo({ most: share * 4, mostNameless: share * 2 });
  }

  /** Folders may hold twice this, files that have names four times, those without twice. */
  #shareAmong(count: number): number {
    const budget = this.#budget ?? descriptorBudget() / count;
    return Math.max(4, Math.floor(budget / 8));
  }

  /** Attributes with the change counter, where that is wanted. */
  stat(node: LocalNode, wanted?: WantedAttributes): HostStat {
    return this.counted(node, this.tree.stat(node), wanted);
  }

  /** What the host has just told of a node, with its access list, and the change counter, where that is wanted. */
  counted(
    node: LocalNode,
    stat: HostStat,
    wanted?: WantedAttributes,
  ): HostStat {
    node.lists = this.lists;
    stat[accessListHolder] = node;
    if (wanted?.change ?? true) {
      stat.change = changeOf(node, stat, this);
    }
    return stat;
  }

  /** We changed a node: its change counter moves on, and it was no other process. */
  touched(node: LocalNode): void {
    this.tree.moment.end();
    node.isTouched = true;
    for (const { parent } of node.places) this.pages.forget(parent);
    this.guards.changed(node);
  }

  /** We changed what is no part of its attributes but their change: what these were `before`. */
  attributeChanged(node: LocalNode, before: HostStat): ChangeInfo {
    this.touched(node);
    const after = this.stat(node);
    if (node.type === "directory") {
      this.listings.changed(node, { before, after });
    }
    return this.#changeInfo(before.change, after.change);
  }

  #changeInfo(before: number, after: number): ChangeInfo {
    return { atomic: this.#isAtomic, before, after };
  }

  /** Where a node that has a name is now, its folder open. */
  locate(node: LocalNode): { folder: OpenFolder; name: string } {
    this.tree.stat(node);
    if (node.isGone) throw new FsError("stale");
    const { parent, name } = node.places[0]!;
    return { folder: this.tree.folders.open(parent), name };
  }

  /** Has attributes that we changed made durable; where content goes to disk with them, beside all others. */
  keep(node: LocalNode, stat: HostStat): Awaitable<void> {
    const { files, settlement } = this;
    const hasContent = node.type === "file" &&
      (isLarge(stat) || files.isBehind(node));
    return hasContent
      ? settlement?.settleAlone(node)
      : settlement?.settle([node]);
  }

  /** The outcome of a change of these folders, once that is durable. */
  lasting<T>(outcome: T, ...folders: readonly LocalNode[]): Awaitable<T> {
    const settled = this.settlement?.settle(new Set(folders));
    return settled === undefined ? outcome : settled.then(() => outcome);
  }

  /** Has what was written to a file made durable, and the names that lead to it: all of its attributes, or content and size. */
  async flush(file: LocalNode, { all }: { all: boolean }): Promise<void> {
    const named = this.settlement?.settleAbove(file);
    await Promise.all([this.files.sync(file, { all }), named]);
  }

  /** We changed the entries of a folder: what it was `before`, which names are gone and new. */
  changed(
    directory: LocalNode,
    before: HostStat,
    names: { readonly removed?: string; readonly added?: string },
  ): ChangeInfo {
    this.tree.moment.end();
    directory.isTouched = true;
    this.pages.forget(directory);
    const after = this.stat(directory);
    this.listings.changed(directory, { before, after, ...names });
    this.lists?.changed(directory, before, after);
    return this.#changeInfo(before.change, after.change);
  }

  /** A folder that we left as it is. */
  unchanged(before: number): ChangeInfo {
    return this.#changeInfo(before, before);
  }

  /**
   * Before a name of a file is taken away: what clients have open must stay
   * readable. "busy" where that, or what is large and not closed yet, takes more
   * descriptors than there are for it, or for files of one owner.
   */
  keepReadable(node: LocalNode, stat: HostStat): void {
    if (stat.nlink <= 1) this.files.assertRoomFor(node, stat);
    if (node.isOpen) this.files.holding(node);
  }

  /**
   * Holds what is `at` the last name of a large file until that is disposed of: so
   * not the call that takes the name away has to give back what it took.
   */
  hold(node: LocalNode, stat: HostStat, at: HostName): Disposable | undefined {
    if (stat.type !== "file" || stat.nlink > 1 || !isLongToFree(stat)) return;
    if (node.descriptor !== undefined) return;
    const { fd } = this.host.pin(at.folder, at.name);
    if (fd < 0) return;
    return { [Symbol.dispose]: () => this.files.closing.close(fd) };
  }

  /** A name of a node was taken away; `stat` is what it was before. */
  unlinked(node: LocalNode, stat: HostStat, at: {
    directory: LocalNode;
    name: string;
  }): void {
    node.lostAt(at.directory, at.name);
    if (node.type === "directory" || stat.nlink <= 1) this.tree.bury(node);
    this.touched(node);
  }

  /** The last name of a node is gone: only what clients need takes room still. */
  #letGo(node: LocalNode): void {
    if (node.isNeeded) this.files.keepNameless(node);
    else this.files.release(node);
    this.listings.forget(node);
    this.pages.forget(node);
    this.verifiers.forget(node);
  }

  /** Opens a file for {@linkcode FileDescriptors}, sure that it is the node's. */
  readonly #openFile = (node: LocalNode, flags: number): number => {
    const held = node.descriptor && this.host.pathOf(node.descriptor.fd);
    if (held !== undefined) return fs.openSync(held, flags | AT_ONCE);
    if (node.isGone) throw new FsError("stale");
    if (node.type !== "file") throw new FsError("wrong-type");
    const { folder, name } = this.locate(node);
    const fd = openChecked(this.host, { folder, name }, { node, flags });
    if (node.is(this.host.statFile(fd))) return fd;
    fs.closeSync(fd);
    throw new Misplaced(node);
  };

  /** Writes what is not yet durable, and closes everything. */
  async dispose(): Promise<void> {
    try {
      this.idle[Symbol.dispose]();
      await Promise.all([this.locks.ended(), this.settlement?.ended()]);
      await Promise.all([this.listings.dispose(), this.guards.dispose()]);
      await this.files.dispose();
    } finally {
      await this.pages.dispose();
      if (this.#root !== undefined) fs.closeSync(this.#root);
      this.tree.dispose();
    }
  }
}

/**
 * No call waits to open a file: not for the holder of a lease on it (fcntl(2)), which
 * any owner of it may be, nor, should a fifo have its name now, for the other end.
 */
const AT_ONCE = fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

function openChecked(
  host: Host,
  at: HostName,
  { node, flags }: { readonly node: LocalNode; readonly flags: number },
): number {
  try {
    return host.open(at, flags | AT_ONCE);
  } catch (error) {
    throw isReplaced(error) ? new Misplaced(node) : error;
  }
}
