import { RecentMap } from "../../base/recent_map.ts";
import { accessListHolder } from "../../vfs/access_list.ts";
import { FsError } from "../../vfs/mod.ts";
import { StoredList } from "./access_lists.ts";
import {
  type BeginsWithNode,
  type NodeRow,
  notAFile,
  SqliteNode,
} from "./node.ts";
import type { Statements } from "./statements.ts";

/** Names remembered with the node that they lead to, or that they lead nowhere. */
const KEPT_NAMES = 131_072;
/** Stands for "no such entry"; no node has it. */
const NOTHING = 0;

/** What a node was, should the transaction that changes it be lost. */
interface Image {
  readonly node: SqliteNode;
  /** Whether its row did not have all of that. */
  readonly isUnsaved: boolean;
}

/** Nodes that are not what is on disk. */
class Changes {
  /** Those whose attributes go into their rows with the commit, and what they were before. */
  readonly due = new Map<SqliteNode, Image>();
  /** Those that were made; the folder of each is due. */
  readonly made = new Set<SqliteNode>();

  has(node: SqliteNode): boolean {
    return this.due.size > 0 && (this.due.has(node) || this.made.has(node));
  }

  take({ due, made }: Changes): void {
    for (const [node, image] of due) this.due.set(node, image);
    for (const node of made) this.made.add(node);
  }
}

/**
 * The nodes in memory. Only one object for each file has its live attributes:
 * the one that is found here. Code that holds another, which has left this
 * table for want of use, gets the present one from {@linkcode live}. (A WeakRef
 * and a FinalizationRegistry would find it again, at three times the cost of a
 * node.)
 */
export class NodeTable {
  /** Nodes with attributes that their rows don't have yet, and that may wait. */
  readonly unsaved = new Set<SqliteNode>();
  /** Nodes with access times that their rows don't have: see {@linkcode AccessTimes}. */
  readonly accessed = new Set<SqliteNode>();
  /** How often something was looked at that is not durable. */
  shown = 0;
  /** Changed since the last commit. */
  #open = new Changes();
  /** Committed, and not known to be durable. */
  #committed = new Changes();
  readonly #sql: Statements;
  readonly #recent: RecentMap<number, SqliteNode>;
  #names = new RecentMap<string, number>(KEPT_NAMES);

  /** Empty; keeps `kept` nodes, to twice as many, that are not needed. */
  constructor(sql: Statements, kept: number) {
    this.#sql = sql;
    this.#recent = new RecentMap(kept, {
      keep: (node) => this.#isNeeded(node),
      evict: (node) => node.isForgotten = true,
    });
  }

  /** The node of a number; `undefined` when there is none. */
  get(fileid: number): SqliteNode | undefined {
    const recent = this.#recent.get(fileid);
    if (recent !== undefined) return this.#show(recent);
    const row = this.#sql.node(fileid);
    if (row !== undefined) return this.add(row);
    this.showAll();
    return undefined;
  }

  /** What is looked at may come of any node that is to be changed. */
  showAll(): void {
    if (this.#open.due.size + this.#committed.due.size > 0) this.shown++;
  }

  /** Whether the node of a number is in memory. */
  has(fileid: number): boolean {
    return this.#recent.get(fileid) !== undefined;
  }

  /** The node of a row that was just read, in memory from now on. */
  take(row: BeginsWithNode): SqliteNode {
    const recent = this.#recent.get(row[0]);
    return recent === undefined ? this.add(row) : this.#show(recent);
  }

  /** The node of a row that was just read; it does not stay in memory for that. */
  glance(row: BeginsWithNode): SqliteNode {
    const recent = this.#recent.get(row[0]);
    if (recent !== undefined) return this.#show(recent);
    const node = this.#nodeOf(row);
    node.isForgotten = true;
    return node;
  }

  /** The node that has the live attributes of the same file; throws "stale" when it is gone. */
  live(node: SqliteNode): SqliteNode {
    const live = node.isForgotten ? this.get(node.fileid) : node;
    if (live !== undefined && !live.isGone) return this.#show(live);
    this.showAll();
    throw new FsError("stale");
  }

  /** The same of a folder; throws "not-directory" for anything else. */
  folder(node: SqliteNode): SqliteNode {
    const live = this.live(node);
    if (live.type !== "directory") throw new FsError("not-directory");
    return live;
  }

  /** The same of a regular file; throws "is-directory" or "wrong-type" for anything else. */
  file(node: SqliteNode): SqliteNode {
    const live = this.live(node);
    if (live.type !== "file") throw notAFile(live.type);
    return live;
  }

  /** Takes a row into memory that is not there yet. */
  add(row: BeginsWithNode): SqliteNode {
    const node = this.#nodeOf(row);
    this.#recent.set(node.fileid, node);
    return node;
  }

  /** Takes a row into memory that the open transaction has made. */
  make(row: NodeRow): SqliteNode {
    const node = this.add(row);
    this.#open.made.add(node);
    return node;
  }

  /** Whether a lost transaction would change the node back. */
  isDue(node: SqliteNode): boolean {
    return this.#open.has(node);
  }

  /**
   * The attributes of a node are about to be changed, by an operation of the
   * transaction that is open. They go into its row once for all the operations
   * that share a commit: thirty creates in one folder write the folder once.
   */
  change(node: SqliteNode): void {
    this.#remember(node);
    this.unsaved.delete(node);
    this.accessed.delete(node);
    if (!node.isForgotten) return;
    // What its operation looked up has pushed it out of memory meanwhile.
    node.isForgotten = false;
    this.#recent.set(node.fileid, node);
  }

  /** Writes what {@linkcode change} was told of, in the open transaction. */
  save(): void {
    for (const node of this.#open.due.keys()) {
      if (!node.isGone) this.#sql.saveNode(node);
    }
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    // Behind a commit comes that of access times.
    if (this.#committed.due.size > 0) this.#committed.take(this.#open);
    else this.#committed = this.#open;
    this.#open = new Changes();
  }

  /** All that was committed is on disk, or as safe as it is to be. */
  durable(): void {
    this.#committed = new Changes();
  }

  /** The nodes become what they were, but for those that are open. */
  undone(): void {
    this.#names = new RecentMap(KEPT_NAMES);
    for (const [node, image] of this.#open.due) {
      const { opens, identity, givenBack } = node;
      const kept = { opens, identity, givenBack };
      Object.assign(node, image.node, { ...kept, isForgotten: false });
      // What was written to the content since is beyond its end perhaps.
      if (node.extent !== undefined) node.extent.isTrimmed = false;
      if (image.isUnsaved) this.unsaved.add(node);
      else this.unsaved.delete(node);
      this.#recent.set(node.fileid, node);
    }
    for (const node of this.#open.made) this.#forget(node);
    this.#open = new Changes();
  }

  /** The node is gone for good, once the open transaction is durable. */
  remove(node: SqliteNode): void {
    this.#remember(node);
    this.#forget(node);
  }

  /** The entry `name` of a folder. */
  lookup(folder: SqliteNode, name: string): SqliteNode | undefined {
    const key = keyOf(folder, name);
    const fileid = this.#names.get(key);
    if (fileid === NOTHING) return undefined;
    if (fileid !== undefined) return this.get(fileid);
    const row = this.#sql.entry(folder.fileid, name);
    this.#names.set(key, row?.[0] ?? NOTHING);
    return row && this.take(row);
  }

  /** `name` leads to `node` now, or nowhere. */
  named(folder: SqliteNode, name: string, node?: SqliteNode): void {
    this.#names.set(keyOf(folder, name), node?.fileid ?? NOTHING);
  }

  #nodeOf(row: BeginsWithNode): SqliteNode {
    const node = new SqliteNode(row);
    const isListed = row[23] !== 0;
    if (isListed) {
      node[accessListHolder] = new StoredList(this.#sql, node.fileid);
    }
    return node;
  }

  #show(node: SqliteNode): SqliteNode {
    if (this.#open.has(node) || this.#committed.has(node)) this.shown++;
    return node;
  }

  #remember(node: SqliteNode): void {
    const { due } = this.#open;
    if (due.has(node)) return;
    const isUnsaved = this.unsaved.has(node);
    due.set(node, { node: { ...node }, isUnsaved });
  }

  #forget(node: SqliteNode): void {
    node.isGone = true;
    this.unsaved.delete(node);
    this.accessed.delete(node);
    this.#recent.delete(node.fileid);
  }

  /** Whether what a node knows is nowhere else, or not durable: another would not be known as that. */
  #isNeeded(node: SqliteNode): boolean {
    return node.opens > 0 || this.unsaved.has(node) ||
      this.accessed.has(node) || this.isDue(node) || this.#committed.has(node);
  }
}

function keyOf(folder: SqliteNode, name: string): string {
  return `${folder.fileid}/${name}`;
}
