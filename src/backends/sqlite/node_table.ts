import { RecentMap } from "../../recent_map.ts";
import { FsError } from "../../vfs/mod.ts";
import { type NodeRow, SqliteNode } from "./node.ts";
import type { Statements } from "./statements.ts";

/** Names remembered with the node that they lead to, or that they lead nowhere. */
const KEPT_NAMES = 131_072;
/** Stands for "no such entry"; no node has it. */
const NOTHING = 0;

/**
 * The nodes in memory. Only one object for each file has its live attributes: the
 * one that is found here. Whoever holds another, which has left this table for
 * want of use, gets the present one from {@linkcode live}. (A WeakRef and a
 * FinalizationRegistry would find it again, at three times the cost of a node.)
 */
export class NodeTable {
  /** Nodes with attributes that their rows don't have yet, and that may wait. */
  readonly unsaved = new Set<SqliteNode>();
  /** Nodes whose attributes go into their rows with the next commit. */
  readonly #due = new Set<SqliteNode>();
  readonly #sql: Statements;
  readonly #recent: RecentMap<number, SqliteNode>;
  readonly #names = new RecentMap<string, number>(KEPT_NAMES);

  /** Empty; keeps `kept` nodes, to twice as many, that nobody needs. */
  constructor(sql: Statements, kept: number) {
    this.#sql = sql;
    this.#recent = new RecentMap(kept, {
      keep: (node) => this.#isNeeded(node),
    });
  }

  /** The node of a number; `undefined` when there is none. */
  get(fileid: number): SqliteNode | undefined {
    const recent = this.#recent.get(fileid);
    if (recent !== undefined) return recent;
    const row = this.#sql.node(fileid);
    return row === undefined ? undefined : this.add(row);
  }

  /** The node that has the live attributes of the same file; throws "stale" when it is gone. */
  live(node: SqliteNode): SqliteNode {
    const live = node.isForgotten ? this.get(node.fileid) : node;
    if (live === undefined || live.gone) throw new FsError("stale");
    return live;
  }

  /** Takes a row into memory that is not there yet. */
  add(row: NodeRow): SqliteNode {
    const node = new SqliteNode(row);
    this.#recent.set(node.fileid, node);
    return node;
  }

  /**
   * The attributes of a node were changed, by an operation of the transaction
   * that is open. They go into its row once for all the operations that share a
   * commit: thirty creates in one folder write the folder once.
   */
  save(node: SqliteNode): void {
    this.unsaved.delete(node);
    this.#due.add(node);
    if (!node.isForgotten) return;
    // What its operation looked up has pushed it out of memory meanwhile.
    node.isForgotten = false;
    this.#recent.set(node.fileid, node);
  }

  /** Writes what {@linkcode save} was told of, in the open transaction. */
  saveAll(): void {
    for (const node of this.#due) this.#sql.saveNode(node);
    this.#due.clear();
  }

  /** The node is gone for good. */
  remove(node: SqliteNode): void {
    node.gone = true;
    this.unsaved.delete(node);
    this.#due.delete(node);
    this.#recent.delete(node.fileid);
  }

  /** The entry `name` of a folder. */
  lookup(folder: SqliteNode, name: string): SqliteNode | undefined {
    const key = keyOf(folder, name);
    let fileid = this.#names.get(key);
    if (fileid === undefined) {
      fileid = this.#sql.entry(folder.fileid, name) ?? NOTHING;
      this.#names.set(key, fileid);
    }
    return fileid === NOTHING ? undefined : this.get(fileid);
  }

  /** `name` leads to `node` now, or nowhere. */
  named(folder: SqliteNode, name: string, node?: SqliteNode): void {
    this.#names.set(keyOf(folder, name), node?.fileid ?? NOTHING);
  }

  /** Whether what a node knows is nowhere else; if not, it is forgotten. */
  #isNeeded(node: SqliteNode): boolean {
    const isNeeded = node.opens > 0 || this.unsaved.has(node) ||
      this.#due.has(node);
    node.isForgotten = !isNeeded;
    return isNeeded;
  }
}

function keyOf(folder: SqliteNode, name: string): string {
  return `${folder.fileid}/${name}`;
}
