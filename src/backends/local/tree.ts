import type { Clock } from "../../base/clock.ts";
import fs from "node:fs";
import { FsError } from "../../vfs/errors.ts";
import { isDenied } from "./errno.ts";
import type { Descriptor } from "./descriptor.ts";
import { Folders, TRUST } from "./folders.ts";
import type { Host, HostStat, OpenFolder } from "./host.ts";
import { HostLocks } from "./host_locks.ts";
import { Moment } from "./moment.ts";
import { type LocalNode, Misplaced, UNASKED } from "./node.ts";
import { type KeptNodes, NodeTable } from "./node_table.ts";

/** An entry as it was found, and in which moment. */
interface FoundEntry {
  readonly parent: LocalNode;
  readonly name: string;
  readonly node: LocalNode;
  readonly moment: number;
}

/** The served tree: its nodes, and what the host tells of them. */
export class Tree {
  /** The host's calls. */
  readonly host: Host;
  /** All that is known of files. */
  readonly table: NodeTable;
  /** The folders in it, and the ways to them. */
  readonly folders: Folders;
  /** The folder that is served. */
  readonly root: LocalNode;
  /** What the host has told is good for it. */
  readonly moment: Moment;
  /** Files and folders that the host has locked for a call of another thread. */
  readonly locks: HostLocks = new HostLocks();
  /** How often we moved a folder: what walks the tree meanwhile may have missed it. */
  moves = 0;
  readonly #buried: (node: LocalNode) => void;
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
    const { table, moment } = this;
    this.folders = new Folders(host, path, {
      table,
      moment,
      limit: options.limit,
    });
    this.root = this.folders.root;
  }

  /** Whether nothing at all has the name; what is mounted there goes without the folder's times telling. */
  isFree(parent: LocalNode, name: string): boolean {
    return this.host.stat(this.folders.open(parent), name) === undefined;
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
    const folder = this.folders.open(parent);
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
    const stat = this.#served(parent, this.folders.open(parent), name);
    if (stat === undefined) return undefined;
    const node = this.table.glance({ parent, name }, stat);
    return { node, stat: this.#tell(node, stat) };
  }

  /** A node that is remembered, in place of one that was glanced at and is to have an identity. */
  remember(node: LocalNode): LocalNode {
    if (node.tag !== UNASKED) return node;
    const { parent, name } = node.places[0]!;
    const seen = { parent, folder: this.folders.open(parent), name };
    return this.table.adopt(seen, node.told!);
  }

  #served(
    parent: LocalNode,
    folder: OpenFolder,
    name: string,
  ): HostStat | undefined {
    const stat = this.folders.entry(folder, name);
    if (stat?.type === "directory") this.folders.assertRoomIn(parent);
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
    if (node === this.root) return this.folders.statRoot();
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
    const stat = this.folders.entry(
      this.folders.open(place.parent),
      place.name,
    );
    if (stat === undefined || !node.is(stat)) throw new Misplaced(node);
    (node.descriptor ?? node).checkedAt = this.moment.time;
    return stat;
  }

  /** The same by a descriptor, where it was in the tree a moment ago, and has a name. */
  #statHeld(node: LocalNode): HostStat | undefined {
    const held = node.descriptor ?? node.folder;
    if (held === undefined) return undefined;
    const { checkedAt } = node.descriptor ?? node;
    if (this.moment.time - checkedAt >= this.folders.trust) return undefined;
    const stat = this.host.statFile(held.fd);
    return stat.nlink > 0 ? stat : undefined;
  }

  /**
   * Buries a file that is held open and that the host has taken the last name of;
   * what the host tells of it, if it has. Where no client has it open, it is "stale".
   */
  buryNameless(node: LocalNode): HostStat | undefined {
    if (node.descriptor === undefined) return undefined;
    const stat = this.host.statFile(node.descriptor.fd);
    if (!this.folders.isNameless(stat)) return undefined;
    this.bury(node);
    if (node.descriptor === undefined) throw new FsError("stale");
    return stat;
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
      return act(this.host.folderPath(this.folders.open(node)));
    }
    if (node.descriptor !== undefined) {
      const path = this.host.pathOf(node.descriptor.fd);
      if (path !== undefined) return act(path);
    }
    this.stat(node);
    if (node.isGone) throw new FsError("stale");
    const { parent, name } = node.places[0]!;
    const pinned = this.host.pin(this.folders.open(parent), name);
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
    this.folders.letGo(node);
    this.#buried(node);
  }

  /** Closes open folders and the host's calls. */
  dispose(): void {
    this.folders.dispose();
    this.host.close();
  }
}
