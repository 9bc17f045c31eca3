import type { Clock } from "../../base/clock.ts";
import { RecentMap } from "../../base/recent_map.ts";
import fs from "node:fs";
import { FsError } from "../../vfs/errors.ts";
import { isDenied, isReplaced } from "./errno.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Host, HostStat, OpenFolder } from "./host.ts";
import { Moment } from "./moment.ts";
import { type LocalNode, Misplaced, UNASKED } from "./node.ts";
import { type KeptNodes, NodeTable } from "./node_table.ts";

/** How long a folder that we hold is trusted to be still in the tree, in milliseconds. */
const TRUST = 1000;
/**
 * Folders in one another that are served: about as many as a path of the host can
 * name. So many looks are what a check of the way to a folder takes.
 */
export const MOST_LEVELS = 2000;
/** So many of them are checked in one go: some two milliseconds. */
const LEVELS_AT_ONCE = 100;

/** An entry as it was found, and in which moment. */
interface FoundEntry {
  readonly parent: LocalNode;
  readonly name: string;
  readonly node: LocalNode;
  readonly moment: number;
}

/**
 * The served tree. From the root on, each folder is opened in its parent by one
 * name, never followed, and checked to be the one that is meant: so no symlink
 * and no race leads out of it.
 */
export class Tree {
  /** The host's calls. */
  readonly host: Host;
  /** All that is known of files. */
  readonly table: NodeTable;
  /** The folder that is served. */
  readonly root: LocalNode;
  /** What the host has told is good for it. */
  readonly moment: Moment;
  /** How often we moved a folder: what walks the tree meanwhile may have missed it. */
  moves = 0;
  /** The root, open; not once it is no longer served. */
  #rootFolder: OpenFolder | undefined;
  /** Whether its host counts the names of folders: file systems in user space may leave that out. */
  readonly #areLinksCounted: boolean;
  readonly #device: number;
  readonly #trust: number;
  readonly #open: RecentMap<LocalNode, OpenFolder>;
  readonly #buried: (node: LocalNode) => void;
  /** A folder that must not be closed now. */
  #held: LocalNode | undefined;
  /** The entry that was found last. */
  #found: FoundEntry | undefined;

  /**
   * `path` has to be a folder; `limit` is how many folders are held open; `buried`
   * is told of each node whose last name is gone, however that was found out.
   */
  constructor(
    host: Host,
    path: string,
    options: {
      readonly clock: Clock;
      readonly limit: number;
      readonly buried?: (node: LocalNode) => void;
      readonly kept?: KeptNodes | undefined;
    },
  ) {
    this.host = host;
    this.table = new NodeTable(host, {
      buried: (node) => this.#letGo(node),
      kept: options.kept,
    });
    this.#buried = options.buried ?? (() => {});
    this.moment = new Moment(options.clock);
    this.#open = new RecentMap(options.limit, {
      keep: (_folder, node) => node === this.#held,
      evict: (_folder, node) => this.#close(node),
    });
    // A path is only as good as its last check; a descriptor can't be swapped.
    this.#trust = host.pinsFolders ? TRUST : 0;
    const rootFolder = host.openRoot(path);
    this.#rootFolder = rootFolder;
    const stat = host.statFolder(rootFolder);
    this.#device = stat.device;
    this.#areLinksCounted = stat.nlink > 0;
    this.root = this.table.adopt({ folder: rootFolder, name: "" }, stat);
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
  folder(node: LocalNode): OpenFolder {
    const now = this.moment.time;
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
    if (this.#trust === 0) return stops;
    const now = this.moment.time;
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
    return node.folder !== undefined && now - node.checkedAt < this.#trust;
  }

  /** The root, or a folder that was on its way a moment ago. */
  #trusted(node: LocalNode, now: number): OpenFolder {
    if (node !== this.root) {
      this.#open.set(node, node.folder!);
      return node.folder!;
    }
    if (now - node.checkedAt >= this.#trust) {
      this.#statRoot();
      node.checkedAt = now;
    }
    return this.#top;
  }

  /** Opens a folder in the one that it is in. */
  #enter(parent: OpenFolder, node: LocalNode, now: number): OpenFolder {
    const { name } = node.places[0]!;
    const stat = this.entry(parent, name);
    if (stat === undefined || !node.is(stat)) throw new Misplaced(node);
    if (node.folder === undefined || !this.host.pinsFolders) {
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
  folders(a: LocalNode, b: LocalNode): [OpenFolder, OpenFolder] {
    const first = this.folder(a);
    this.#held = a;
    try {
      return [first, this.folder(b)];
    } finally {
      this.#held = undefined;
    }
  }

  #openChecked(node: LocalNode, parent: OpenFolder, name: string): OpenFolder {
    let folder: OpenFolder;
    try {
      folder = this.host.openFolder(parent, name);
    } catch (error) {
      throw isReplaced(error) ? new Misplaced(node) : error;
    }
    const stat = this.host.statFolder(folder);
    if (node.is(stat) && stat.device === this.#device) return folder;
    this.host.closeFolder(folder);
    throw new Misplaced(node);
  }

  #close(node: LocalNode): void {
    if (node.folder !== undefined) this.host.closeFolder(node.folder);
    node.folder = undefined;
  }

  /**
   * What the host tells of an entry. What is mounted in the tree belongs to
   * another file system: its inode numbers are not ours, so it is not there.
   */
  entry(folder: OpenFolder, name: string): HostStat | undefined {
    const stat = this.host.stat(folder, name);
    if (stat === undefined || stat === "mounted") return undefined;
    if (stat.mountRoot || stat.device !== this.#device) return undefined;
    return stat;
  }

  /** Whether nothing at all has the name; what is mounted there goes without the folder's times telling. */
  isFree(parent: LocalNode, name: string): boolean {
    return this.host.stat(this.folder(parent), name) === undefined;
  }

  /** The node of an entry, `undefined` where there is none. */
  lookup(parent: LocalNode, name: string): LocalNode | undefined {
    return this.find(parent, name)?.node;
  }

  /** The node of an entry, and what the host told of it in finding it. */
  find(
    parent: LocalNode,
    name: string,
  ): { readonly node: LocalNode; readonly stat: HostStat } | undefined {
    const moment = this.moment.now;
    const last = this.#found;
    if (
      last?.moment === moment && last.parent === parent && last.name === name
    ) return { node: last.node, stat: this.stat(last.node) };
    const folder = this.folder(parent);
    const stat = this.#served(parent, folder, name);
    if (stat === undefined) return undefined;
    const node = this.table.adopt({ parent, folder, name }, stat);
    this.#found = { parent, name, node, moment };
    return { node, stat: this.#tell(node, stat) };
  }

  /** The same of one of many that are listed, of which none need be remembered. */
  glance(
    parent: LocalNode,
    name: string,
  ): { readonly node: LocalNode; readonly stat: HostStat } | undefined {
    const stat = this.#served(parent, this.folder(parent), name);
    if (stat === undefined) return undefined;
    const node = this.table.glance({ parent, name }, stat);
    return { node, stat: this.#tell(node, stat) };
  }

  /** A node that is remembered, in place of one that was glanced at and is to have an identity. */
  remember(node: LocalNode): LocalNode {
    if (node.tag !== UNASKED) return node;
    const { parent, name } = node.places[0]!;
    const seen = { parent, folder: this.folder(parent), name };
    return this.table.adopt(seen, node.told!);
  }

  #served(
    parent: LocalNode,
    folder: OpenFolder,
    name: string,
  ): HostStat | undefined {
    const stat = this.entry(folder, name);
    if (stat?.type === "directory") this.assertRoomIn(parent);
    return stat;
  }

  /** What the host tells of a node now. Throws {@linkcode Misplaced}. */
  stat(node: LocalNode): HostStat {
    if (this.#isTold(node)) return node.told!;
    return this.#tell(node, this.#ask(node));
  }

  #isTold(node: LocalNode): boolean {
    return node.toldIn === this.moment.now && !node.isGone;
  }

  #tell(node: LocalNode, stat: HostStat): HostStat {
    node.told = stat;
    node.toldIn = this.moment.now;
    return stat;
  }

  #ask(node: LocalNode): HostStat {
    if (node === this.root) return this.#statRoot();
    if (node.isGone) {
      if (node.descriptor === undefined) throw new FsError("stale");
      return this.host.statFile(node.descriptor.fd);
    }
    try {
      return this.#statHeld(node) ?? this.#statNamed(node);
    } catch (error) {
      // Its folder may be gone, and it with that: what is open goes on.
      const stat = this.buryNameless(node) ?? this.#statWithheld(node, error);
      if (stat === undefined) throw error;
      return stat;
    }
  }

  /**
   * The same of a file that is held, where the host no longer lets us look into a
   * folder on the way to it: that is asked in OPEN, and what can't be looked at is
   * not known to be gone.
   */
  #statWithheld(node: LocalNode, error: unknown): HostStat | undefined {
    const { descriptor } = node;
    if (descriptor === undefined || !isDenied(error)) return undefined;
    descriptor.checkedAt = this.moment.time;
    return this.host.statFile(descriptor.fd);
  }

  #statNamed(node: LocalNode): HostStat {
    const place = node.places[0]!;
    if (place === undefined) throw new Misplaced(node);
    const stat = this.entry(this.folder(place.parent), place.name);
    if (stat === undefined || !node.is(stat)) throw new Misplaced(node);
    (node.descriptor ?? node).checkedAt = this.moment.time;
    return stat;
  }

  /** The same by a descriptor, where it was in the tree a moment ago, and has a name. */
  #statHeld(node: LocalNode): HostStat | undefined {
    const held = node.descriptor ?? node.folder;
    if (held === undefined) return undefined;
    const { checkedAt } = node.descriptor ?? node;
    if (this.moment.time - checkedAt >= this.#trust) return undefined;
    const stat = this.host.statFile(held.fd);
    return stat.nlink > 0 ? stat : undefined;
  }

  /** The same of the root, which is "stale" once the host has removed it (RFC 8881 15.1.2.7): it is looked for nowhere else. */
  #statRoot(): HostStat {
    let stat: HostStat;
    try {
      stat = this.host.statFolder(this.#top);
    } catch (error) {
      throw isReplaced(error) ? new FsError("stale") : error;
    }
    // A folder that is held open is still there without a name, and is never another.
    const isRoot = this.host.pinsFolders
      ? !this.#isNameless(stat)
      : this.root.is(stat);
    if (!isRoot) throw new FsError("stale");
    return stat;
  }

  /**
   * Buries a file that is held open and that the host has taken the last name of;
   * what the host tells of it, if it has. Where no client has it open, it is "stale".
   */
  buryNameless(node: LocalNode): HostStat | undefined {
    if (node.descriptor === undefined) return undefined;
    const stat = this.host.statFile(node.descriptor.fd);
    if (!this.#isNameless(stat)) return undefined;
    this.bury(node);
    if (node.descriptor === undefined) throw new FsError("stale");
    return stat;
  }

  #isNameless({ nlink }: HostStat): boolean {
    return nlink === 0 && this.#areLinksCounted;
  }

  /** Throws {@linkcode Misplaced} when a file that we hold open is no longer in the tree. */
  checkHeld(node: LocalNode, descriptor: Descriptor): void {
    if (node.isGone) return;
    const now = this.moment.time;
    if (now - descriptor.checkedAt < TRUST) return;
    this.stat(node);
    descriptor.checkedAt = now;
  }

  /** Runs `act` with a path that leads to this very node, and to nothing behind a symlink. */
  exactly<T>(node: LocalNode, act: (path: string) => T): T {
    if (node.type === "directory") {
      return act(this.host.folderPath(this.folder(node)));
    }
    if (node.descriptor !== undefined) {
      const path = this.host.pathOf(node.descriptor.fd);
      if (path !== undefined) return act(path);
    }
    this.stat(node);
    if (node.isGone) throw new FsError("stale");
    const { parent, name } = node.places[0]!;
    const pinned = this.host.pin(this.folder(parent), name);
    try {
      if (pinned.fd >= 0 && !node.is(this.host.statFile(pinned.fd))) {
        throw new Misplaced(node);
      }
      return act(pinned.path);
    } finally {
      if (pinned.fd >= 0) fs.closeSync(pinned.fd);
    }
  }

  /** The last name of a node is gone. */
  bury(node: LocalNode): void {
    this.table.bury(node);
  }

  #letGo(node: LocalNode): void {
    this.#open.delete(node);
    this.#close(node);
    this.#buried(node);
  }

  /** Closes open files, the root folder and the host's calls. */
  dispose(): void {
    for (const node of this.#open.keys()) this.#close(node);
    this.host.closeFolder(this.#top);
    this.#rootFolder = undefined;
    this.host.close();
  }
}
