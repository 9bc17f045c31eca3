import { type NodeRow, SqliteNode } from "./node.ts";
import { RecentMap } from "./recent_map.ts";
import type { Statements } from "./statements.ts";

/** Nodes that stay in memory though nobody holds them: this to twice as many. */
const KEPT_NODES = 65_536;
/** Names remembered with the node that they lead to, or that they lead nowhere. */
const KEPT_NAMES = 131_072;
/** Stands for "no such entry"; no node has it. */
const NOTHING = 0;

/**
 * The nodes in memory, one object for one file: as long as anybody holds a node,
 * it is found again, since its attributes are the live ones. What is used
 * is held here for a while; open nodes and unsaved ones are held by whoever
 * opened or changed them.
 */
export class NodeTable {
  /** Nodes with attributes that their rows don't have yet. */
  readonly unsaved = new Set<SqliteNode>();
  readonly #sql: Statements;
  readonly #all = new Map<number, WeakRef<SqliteNode>>();
  readonly #recent = new RecentMap<number, SqliteNode>(KEPT_NODES);
  readonly #names = new RecentMap<string, number>(KEPT_NAMES);
  readonly #opened = new Set<SqliteNode>();
  readonly #registry = new FinalizationRegistry<number>((fileid) => {
    // It may have been loaded again in the meantime.
    if (this.#all.get(fileid)?.deref() === undefined) this.#all.delete(fileid);
  });

  /** Empty; loads what is asked for. */
  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** The node of a number; `undefined` when there is none. */
  get(fileid: number): SqliteNode | undefined {
    const node = this.peek(fileid);
    if (node !== undefined) return node;
    const row = this.#sql.node(fileid);
    return row === undefined ? undefined : this.add(row);
  }

  /** The node of a number if it is in memory. */
  peek(fileid: number): SqliteNode | undefined {
    const recent = this.#recent.get(fileid);
    if (recent !== undefined) return recent;
    const held = this.#all.get(fileid)?.deref();
    if (held !== undefined) this.#recent.set(fileid, held);
    return held;
  }

  /** Takes a row into memory that is not there yet. */
  add(row: NodeRow): SqliteNode {
    const node = new SqliteNode(row);
    this.#all.set(node.fileid, new WeakRef(node));
    this.#registry.register(node, node.fileid, node);
    this.#recent.set(node.fileid, node);
    return node;
  }

  /** The node is gone for good. */
  forget(node: SqliteNode): void {
    node.gone = true;
    this.unsaved.delete(node);
    this.#opened.delete(node);
    this.#recent.delete(node.fileid);
    this.#all.delete(node.fileid);
    this.#registry.unregister(node);
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

  /** Counts an open; the node stays in memory until {@linkcode closed}. */
  opened(node: SqliteNode): void {
    if (node.opens++ === 0) this.#opened.add(node);
  }

  /** Counts a close. */
  closed(node: SqliteNode): void {
    if (--node.opens === 0) this.#opened.delete(node);
  }
}

function keyOf(folder: SqliteNode, name: string): string {
  return `${folder.fileid}/${name}`;
}
