import { RecentMap } from "../../base/recent_map.ts";
import { FsError } from "../../vfs/errors.ts";
import { isReplaced } from "./errno.ts";
import type { Host, HostStat, OpenFolder } from "./host.ts";
import type { Moment } from "./moment.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { NodeTable } from "./node_table.ts";

/** How long a folder that we hold is trusted to be still in the tree, in milliseconds. */
export const TRUST = 1000;
/**
 * Folders in one another that are served: about as many as a path of the host can
 * name. So many looks are what a check of the way to a folder takes.
 */
export const MOST_LEVELS = 2000;
/** So many of them are checked in one go: some two milliseconds. */
const LEVELS_AT_ONCE = 100;

/** What {@linkcode Folders} need of a tree. */
export interface FoldersOptions {
  /** What the host has told is good for it. */
  readonly moment: Moment;
  /** Where the root becomes known. */
  readonly table: NodeTable;
  /** How many folders are held open, to twice as many. */
  readonly limit: number;
}

/**
 * The folders of a tree, those used lately open. From the root on, each is opened
 * in its parent by one name, never followed, and checked to be the one that is
 * meant: so no symlink and no race leads out of it.
 */
export class Folders {
  /** The folder that is served. */
  readonly root: LocalNode;
  /** For how long one that is held is trusted to be where it was, in milliseconds. */
  readonly trust: number;
  readonly #host: Host;
  readonly #moment: Moment;
  /** The root, open; not once it is no longer served. */
  #rootFolder: OpenFolder | undefined;
  /** Whether its host counts the names of folders: file systems in user space may leave that out. */
  readonly #areLinksCounted: boolean;
  readonly #device: number;
  readonly #open: RecentMap<LocalNode, OpenFolder>;
  /** A folder that must not be closed now. */
  #held: LocalNode | undefined;

  /** `path` has to be a folder. */
  constructor(
    host: Host,
    path: string,
    { moment, table, limit }: FoldersOptions,
  ) {
    this.#host = host;
    this.#moment = moment;
    this.#open = new RecentMap(limit, {
      keep: (_folder, node) => node === this.#held,
      evict: (_folder, node) => this.#close(node),
    });
    // A path is only as good as its last check; a descriptor can't be swapped.
    this.trust = host.pinsFolders ? TRUST : 0;
    const rootFolder = host.openRoot(path);
    this.#rootFolder = rootFolder;
    const stat = host.statFolder(rootFolder);
    this.#device = stat.device;
    this.#areLinksCounted = stat.nlink > 0;
    this.root = table.adopt({ folder: rootFolder, name: "" }, stat);
  }

  /** Holds as many folders from now on, to twice as many. */
  limitTo(limit: number): void {
    this.#open.limit = limit;
  }

  /** Where each way begins: "stale" once it is closed, for another folder of this process may have its number. */
  get #top(): OpenFolder {
    if (this.#rootFolder !== undefined) return this.#rootFolder;
    throw new FsError("stale", "no longer served");
  }

  /**
   * The folder of a node, open. Throws {@linkcode Misplaced} when it, or one on
   * the way to it, is not where it was.
   */
  open(node: LocalNode): OpenFolder {
    const now = this.#moment.time;
    if (this.#levelOf(node) > MOST_LEVELS) throw this.#endOfHints(node);
    // Up to what is trusted, and down from there.
    const way: LocalNode[] = [];
    let at = node;
    for (;;) {
      if (at.isGone) throw new FsError("stale");
      if (at.type !== "directory") throw new FsError("not-directory");
      if (at === this.root || this.#isTrusted(at, now)) break;
      const [place] = at.places;
      if (place === undefined) throw new Misplaced(at);
      way.push(at);
      at = place.parent;
    }
    let folder = this.#trusted(at, now);
    for (const next of way.reverse()) folder = this.#enter(folder, next, now);
    return folder;
  }

  /**
   * Folders on the way to a node, the highest first, that split what has to be
   * checked of it into short pieces. None where paths have to do: no check of a
   * part of one is good for the rest.
   */
  stopsTo(node: LocalNode): LocalNode[] {
    const stops: LocalNode[] = [];
    if (this.trust === 0) return stops;
    const now = this.#moment.time;
    let at = node.places[0]?.parent;
    for (let levels = 1; levels <= MOST_LEVELS; levels++) {
      if (at === undefined || at === this.root) break;
      if (this.#isTrusted(at, now)) break;
      if (levels % LEVELS_AT_ONCE === 0) stops.push(at);
      at = at.places[0]?.parent;
    }
    return stops.reverse();
  }

  #isTrusted(node: LocalNode, now: number): boolean {
    return node.folder !== undefined && now - node.checkedAt < this.trust;
  }

  /** The root, or a folder that was on its way a moment ago. */
  #trusted(node: LocalNode, now: number): OpenFolder {
    if (node !== this.root) {
      this.#open.set(node, node.folder!);
      return node.folder!;
    }
    if (now - node.checkedAt >= this.trust) {
      this.statRoot();
      node.checkedAt = now;
    }
    return this.#top;
  }

  /** Opens a folder in the one that it is in. */
  #enter(parent: OpenFolder, node: LocalNode, now: number): OpenFolder {
    const { name } = node.places[0]!;
    const stat = this.entry(parent, name);
    if (stat === undefined || !node.is(stat)) throw new Misplaced(node);
    if (node.folder === undefined || !this.#host.pinsFolders) {
      node.folder = this.#openChecked(node, parent, name);
    }
    node.checkedAt = now;
    this.#open.set(node, node.folder);
    return node.folder;
  }

  /** Throws "name-too-long" where a folder in `parent` would be in too many others. */
  assertRoomIn(parent: LocalNode): void {
    if (this.#levelOf(parent) < MOST_LEVELS) return;
    throw new FsError("name-too-long");
  }

  /** In how many folders a node is, as far as that is known and served. */
  #levelOf(node: LocalNode): number {
    let levels = 0;
    let at: LocalNode | undefined = node;
    for (; at !== undefined && at !== this.root; levels++) {
      if (levels > MOST_LEVELS) break;
      at = at.places[0]?.parent;
    }
    return levels;
  }

  /** Hints of two moves can point at each other; else the host has moved the node deeper than is served. */
  #endOfHints(node: LocalNode): Error {
    const passed = new Set<LocalNode>();
    for (let at = node; passed.size <= MOST_LEVELS; at = at.places[0]!.parent) {
      if (passed.has(at)) return new Misplaced(node);
      passed.add(at);
    }
    return new FsError("stale", `in more than ${MOST_LEVELS} folders`);
  }

  /** Two folders, both open at once, however long the ways to them are. */
  openBoth(a: LocalNode, b: LocalNode): [OpenFolder, OpenFolder] {
    const first = this.open(a);
    this.#held = a;
    try {
      return [first, this.open(b)];
    } finally {
      this.#held = undefined;
    }
  }

  /**
   * A folder, open for what another thread does there: longer, maybe, than those
   * that were used lately are kept open.
   */
  pinned(node: LocalNode): OpenFolder & Disposable {
    const host = this.#host;
    const folder = host.openFolder(this.open(node), ".");
    return { ...folder, [Symbol.dispose]: () => host.closeFolder(folder) };
  }

  #openChecked(node: LocalNode, parent: OpenFolder, name: string): OpenFolder {
    let folder: OpenFolder;
    try {
      folder = this.#host.openFolder(parent, name);
    } catch (error) {
      throw isReplaced(error) ? new Misplaced(node) : error;
    }
    const stat = this.#host.statFolder(folder);
    if (node.is(stat) && stat.device === this.#device) return folder;
    this.#host.closeFolder(folder);
    throw new Misplaced(node);
  }

  #close(node: LocalNode): void {
    if (node.folder !== undefined) this.#host.closeFolder(node.folder);
    node.folder = undefined;
  }

  /**
   * What the host tells of an entry. What is mounted in the tree belongs to
   * another file system: its inode numbers are not ours, so it is not there.
   */
  entry(folder: OpenFolder, name: string): HostStat | undefined {
    const stat = this.#host.stat(folder, name);
    if (stat === undefined || stat === "mounted") return undefined;
    if (stat.mountRoot || stat.device !== this.#device) return undefined;
    return stat;
  }

  /** What the host tells of the root, which is "stale" once the host has removed it (RFC 8881 15.1.2.7): it is looked for nowhere else. */
  statRoot(): HostStat {
    let stat: HostStat;
    try {
      stat = this.#host.statFolder(this.#top);
    } catch (error) {
      throw isReplaced(error) ? new FsError("stale") : error;
    }
    // A folder that is held open is still there without a name, and is never another.
    const isRoot = this.#host.pinsFolders
      ? !this.isNameless(stat)
      : this.root.is(stat);
    if (!isRoot) throw new FsError("stale");
    return stat;
  }

  /** Whether the host has taken its last name. */
  isNameless({ nlink }: HostStat): boolean {
    return nlink === 0 && this.#areLinksCounted;
  }

  /** A folder is gone. */
  letGo(node: LocalNode): void {
    this.#open.delete(node);
    this.#close(node);
  }

  /** Closes all of them, the root last. */
  dispose(): void {
    for (const node of this.#open.keys()) this.#close(node);
    this.#host.closeFolder(this.#top);
    this.#rootFolder = undefined;
  }
}
