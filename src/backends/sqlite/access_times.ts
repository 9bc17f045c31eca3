import type { Timestamp } from "../../vfs/mod.ts";
import { isLater, type SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { Transaction } from "./transaction.ts";

/** Nodes whose access times may wait in memory: the commit that saves them takes 3 ms. */
const MOST_WAITING = 1024;

/** What {@linkcode AccessTimes} works with. */
export interface AccessTimesParts {
  readonly nodes: NodeTable;
  readonly transaction: Transaction;
  readonly now: () => Timestamp;
}

/**
 * When files were last looked at. No client was promised that it is kept, so it
 * waits in memory until there are many, and then has a commit of its own: one that
 * the disk refuses takes nothing with it that a reply relies on, and is not tried
 * again.
 */
export class AccessTimes {
  readonly #parts: AccessTimesParts;

  constructor(parts: AccessTimesParts) {
    this.#parts = parts;
  }

  /** Whether so many wait that the next commit should save them. */
  get areMany(): boolean {
    return this.#parts.nodes.accessed.size > MOST_WAITING;
  }

  /**
   * The content was looked at. As with Linux's relatime, atime moves only when it
   * is not newer than the last change. The change counter stands still, or every
   * reader would throw its cache away (RFC 8881 5.8.1.4).
   */
  note(node: SqliteNode): void {
    const { atime, mtime, ctime } = node;
    if (isLater(atime, mtime) && isLater(atime, ctime)) return;
    const { nodes, now } = this.#parts;
    node.atime = now();
    nodes.accessed.add(node);
    // The replies that find many have them saved: nothing else may ask for a commit.
    if (this.areMany) nodes.shown++;
  }

  /**
   * Saves those that wait, or gives them up, which is false: then a node has its time
   * for as long as it is in memory. Comes when no transaction is open; throws where
   * the store is out of service.
   */
  save(): boolean {
    const { nodes, transaction } = this.#parts;
    if (nodes.accessed.size === 0) return true;
    for (const node of nodes.accessed) nodes.change(node);
    return transaction.tryToCommit();
  }
}
