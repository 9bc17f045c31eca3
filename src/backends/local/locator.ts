import { askedBy, OWN, workFor } from "../../base/asker.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import type { Clock } from "../../base/clock.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { Turn } from "../../base/turn.ts";
import { FsError } from "../../vfs/errors.ts";
import { isOfOneFile } from "./errno.ts";
import type { HostListing, HostStat, OpenFolder } from "./host.ts";
import type { LocalNode, Place } from "./node.ts";
import { Misplaced } from "./node.ts";
import { keyOf } from "./node_table.ts";
import { MOST_LEVELS } from "./folders.ts";
import { laterParts } from "./later_parts.ts";
import type { Tree } from "./tree.ts";

/** The share of all time that may go into walks of the tree. */
const SHARE = 0.2;
/** Milliseconds of walking that may be saved up. */
const BURST = 2000;
/** How long an identity that a walk did not find is not looked for again, in milliseconds. */
const FORGET = 60_000;
/**
 * Names that are remembered of folders looked through; beside them those of two
 * folders with more than half as many, for clients that take turns.
 */
const KEPT_NAMES = 400_000;
const BESIDES = 2;
/** What a folder counts for beside its names. */
const FOLDER = 8;
/** Identities that are remembered as looked for. */
const MAX_ASKED = 20_000;

/** Of walks, in milliseconds. */
interface Budget {
  saved: number;
  at: number;
}

/** A file that is looked for, by its inode number. */
interface Sought {
  /** Calls that look for it. */
  finders: number;
  /** Where a walk has come by it: held, for all that is known of it is forgotten again in a large tree. */
  readonly met: PromiseWithResolvers<LocalNode>;
}

/**
 * Finds files that were moved behind our back, or that are known by their
 * identity only, after a restart: in the folder they were in, then by a walk of
 * the whole tree. There is one walk at a time, and each party's take a bounded
 * share of the time, whatever handles a client makes up: one that asks too much is
 * told "busy", and asks again.
 *
 * A folder or an entry that the host keeps from us is passed by: a user can make
 * one anywhere, and all other files are still to be found. What was not found is
 * "stale" then too, as with knfsd (`nfsd_set_fh_dentry`), and if it lies there: the
 * client looks its name up again, and is told at that folder what it may not do.
 */
export class Locator {
  readonly #tree: Tree;
  readonly #clock: Clock;
  readonly #turn: Turn;
  /** When each identity was first asked for, and the walks that had begun by then. */
  readonly #asked = new Map<string, { at: number; walks: number }>();
  /** What is being looked for, by inode number. */
  readonly #sought = new Map<number, Sought>();
  #walking: Promise<void> | undefined;
  /** Walks that have begun. */
  #walks = 0;
  /** The last of them that can have missed nothing. */
  #walked = 0;
  /** Of those who had walks begun lately. */
  readonly #budgets = new Map<string, Budget>();
  /**
   * Names by inode number in the folders looked through last: after a restart
   * clients ask for one file after the other. Hints, checked at every use.
   */
  readonly #scanned = new Map<LocalNode, ReadonlyMap<number, string>>();
  /** By names, of those who had a folder looked through. */
  readonly #room: SharedRoom<LocalNode>;
  /** Folder entries tell other inode numbers than stat: stacked file systems do. */
  #entriesLie = false;

  constructor(
    { tree, clock, turn, names = KEPT_NAMES }: {
      readonly tree: Tree;
      readonly clock: Clock;
      readonly turn: Turn;
      /** How many are remembered of folders looked through. */
      readonly names?: number;
    },
  ) {
    this.#tree = tree;
    this.#clock = clock;
    this.#turn = turn;
    this.#room = new SharedRoom(names, {
      giveUp: (folder) => this.#scanned.delete(folder),
      besides: BESIDES,
    });
  }

  /** Finds a node again; "stale" when it is gone. */
  async relocate(node: LocalNode): Promise<void> {
    if (this.#tree.buryNameless(node) !== undefined) return;
    for (const place of [...node.places]) {
      if (await this.#isAt(node, place)) return;
      node.lostAt(place.parent, place.name);
    }
    // Places are hints of a node that is still there: what is found is this object.
    await this.find(node.inode, node.tag);
  }

  async #isAt(node: LocalNode, { parent, name }: Place): Promise<boolean> {
    return await this.#within(() => this.#tree.lookup(parent, name)) === node;
  }

  /** The node of an identity; "stale" when it is gone. */
  async find(inode: number, tag: number): Promise<LocalNode> {
    const key = keyOf(inode, tag);
    const { table } = this.#tree;
    if (inode === this.#tree.root.inode) throw new FsError("stale");
    let met: LocalNode | undefined;
    for (;;) {
      if (table.isBuried(inode, tag)) throw new FsError("stale");
      const found = met ?? await this.#findNear(inode);
      if (found !== undefined) {
        // The same inode number, another file: this one is gone for good.
        if (found.tag !== tag) throw new FsError("stale");
        this.#asked.delete(key);
        return found;
      }
      if (this.#walked > this.#walksBefore(key)) throw new FsError("stale");
      met = await this.#meet(inode);
    }
  }

  /** Waits for a walk to come by the file, or to end. */
  async #meet(inode: number): Promise<LocalNode | undefined> {
    const sought = this.#sought.get(inode) ??
      { finders: 0, met: Promise.withResolvers<LocalNode>() };
    this.#sought.set(inode, sought);
    sought.finders++;
    try {
      const walk = this.#walkOnce().then(() => undefined);
      return await Promise.race([sought.met.promise, walk]);
    } finally {
      if (--sought.finders === 0) this.#sought.delete(inode);
    }
  }

  /** The walks that had begun when the identity was first asked for, lately: a later one would have found it. */
  #walksBefore(key: string): number {
    const now = this.#clock.now();
    const known = this.#asked.get(key);
    if (known !== undefined && now - known.at < FORGET) return known.walks;
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size < MAX_ASKED) break;
      this.#asked.delete(oldest);
    }
    this.#asked.delete(key);
    this.#asked.set(key, { at: now, walks: this.#walks });
    return this.#walks;
  }

  /** The node with this inode number, where the folder that it was last in still has it. */
  async #findNear(inode: number, depth = 0): Promise<LocalNode | undefined> {
    if (depth > MOST_LEVELS) return undefined;
    const { root, table } = this.#tree;
    const parentInode = table.parents.of(inode);
    if (parentInode === undefined) return undefined;
    const parent = parentInode === root.inode ? root : table.get(parentInode) ??
      await this.#findNear(parentInode, depth + 1);
    return parent && this.#within(() => this.#scan(parent, inode));
  }

  async #scan(
    parent: LocalNode,
    inode: number,
  ): Promise<LocalNode | undefined> {
    const known = this.#scanned.get(parent)?.get(inode);
    this.#room.use(parent);
    const found = known && this.#adoptIf(inode, parent, known);
    if (found) return found;
    const byInode = new Map<number, string>();
    for await (const { names, inodes } of this.#list(parent)) {
      const told = inodes.length > 0 && !this.#entriesLie;
      for (let i = 0; i < names.length; i++) {
        const name = names[i]!;
        if (!told && this.#turn.isOver) await this.#turn.next();
        const number = told
          ? inodes[i]
          : this.#look(this.#tree.folders.open(parent), name)?.fileid;
        if (number !== undefined) byInode.set(number, name);
      }
    }
    this.#scanned.set(parent, byInode);
    this.#room.keep(parent, askedBy().party, FOLDER + byInode.size);
    const name = byInode.get(inode);
    return name === undefined ? undefined : this.#adoptIf(inode, parent, name);
  }

  /** What is in a folder, without keeping others waiting. */
  async *#list(parent: LocalNode): AsyncGenerator<HostListing> {
    const { host } = this.#tree;
    const parts = host.list(this.#tree.folders.open(parent));
    const all = typeof parts === "function"
      ? laterParts(this.#tree, parent, await parts())
      : parts;
    for await (const batch of all) {
      if (this.#turn.isOver) await this.#turn.next();
      yield batch;
    }
  }

  #adoptIf(
    inode: number,
    parent: LocalNode,
    name: string,
  ): LocalNode | undefined {
    const folder = this.#tree.folders.open(parent);
    const stat = this.#look(folder, name);
    if (stat?.fileid !== inode) return undefined;
    return this.#tree.table.adopt({ parent, folder, name }, stat);
  }

  /** An entry, where there is one that the host lets us look at. */
  #look(folder: OpenFolder, name: string): HostStat | undefined {
    try {
      return this.#tree.folders.entry(folder, name);
    } catch (error) {
      if (isOfOneFile(error)) return undefined;
      throw error;
    }
  }

  /** What is in a folder that we can look into; nothing is found in any other. */
  async #within<T>(act: () => Awaitable<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof Misplaced || isOfOneFile(error)) return undefined;
      throw error;
    }
  }

  /** Takes part in the walk that is going on, or starts one. */
  #walkOnce(): Promise<void> {
    if (this.#walking !== undefined) return this.#walking;
    const begin = this.#clock.now();
    const { party } = askedBy();
    const saved = this.#saved(party, begin);
    if (saved <= 0) {
      return Promise.reject(new FsError("busy", "walked enough for now"));
    }
    const { moves } = this.#tree;
    const walk = ++this.#walks;
    // All wait for it who look for something meanwhile.
    this.#walking = workFor(OWN, () => this.#walk()).then(() => {
      if (this.#tree.moves === moves) this.#walked = walk;
    }).finally(() => {
      const at = this.#clock.now();
      this.#budgets.set(party, { at, saved: saved - (at - begin) });
      this.#walking = undefined;
    });
    return this.#walking;
  }

  /** Milliseconds that a party may have walked for it. */
  #saved(party: string, now: number): number {
    for (const [name, budget] of this.#budgets) {
      budget.saved += Math.max(0, now - budget.at) * SHARE;
      budget.at = now;
      if (budget.saved >= BURST) this.#budgets.delete(name);
    }
    return this.#budgets.get(party)?.saved ?? BURST;
  }

  /** Learns which folder each file is in. */
  async #walk(): Promise<void> {
    const folders = [this.#tree.root];
    for (let node = folders.pop(); node !== undefined; node = folders.pop()) {
      const parent = node;
      await this.#within(() => this.#walkFolder(parent, folders));
    }
  }

  /** Adds the folders in it to `folders`. */
  async #walkFolder(parent: LocalNode, folders: LocalNode[]): Promise<void> {
    for await (const listing of this.#list(parent)) {
      for (let i = 0; i < listing.names.length; i++) {
        const known = listing.inodes.length > 0 && !this.#entriesLie;
        if (known && listing.folders[i] === 0) {
          const inode = listing.inodes[i]!;
          const file = { inode, type: "file" } as const;
          this.#tree.table.parents.remember(file, parent.inode);
          if (!this.#sought.has(inode)) continue;
        }
        if (this.#turn.isOver) await this.#turn.next();
        const child = this.#visit(parent, listing.names[i]!);
        if (child === undefined) continue;
        if (known && child.inode !== listing.inodes[i]) this.#entriesLie = true;
        if (child.folder !== undefined) folders.push(child.folder);
      }
    }
  }

  #visit(
    parent: LocalNode,
    name: string,
  ): { inode: number; folder?: LocalNode } | undefined {
    const { table } = this.#tree;
    const folder = this.#tree.folders.open(parent);
    const stat = this.#look(folder, name);
    if (stat === undefined) return undefined;
    const { fileid: inode, type } = stat;
    const sought = this.#sought.get(inode);
    const isFolder = type === "directory";
    if (!isFolder && sought === undefined) {
      table.parents.remember({ inode, type }, parent.inode);
      return { inode };
    }
    const node = table.adopt({ parent, folder, name }, stat);
    sought?.met.resolve(node);
    return isFolder ? { inode, folder: node } : { inode };
  }
}
