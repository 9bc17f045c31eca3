import type { DatabaseSync, StatementSync } from "node:sqlite";
import { OWN, workFor } from "../../base/asker.ts";
import { nextTurn } from "../../base/turn.ts";
import type { Committer } from "./committer.ts";
import type { NodeTable } from "./node_table.ts";
import type { Orphans } from "./orphans.ts";
import { Portion } from "./portion.ts";
import type { Companion, Transaction } from "./transaction.ts";

/** What {@linkcode PreservedFiles} work with. */
export interface PreservedFilesParts {
  readonly transaction: Transaction;
  readonly committer: Pick<Committer, "settleAhead">;
  readonly nodes: NodeTable;
  readonly orphans: Orphans;
}

/** Files that are looked at in one go. */
const MOST_AT_ONCE = 16;

/**
 * Files without a name that clients may open anew: those that an earlier life of the
 * store has left, and what loses its name until the server's grace period is over. Then
 * those that are not open go, some with each commit, and no client waits for them.
 */
export class PreservedFiles implements Companion {
  readonly #parts: PreservedFilesParts;
  readonly #rows: StatementSync;
  /** Servers in whose grace period they are kept. */
  #holders = 0;
  #removal: Promise<void> | undefined;
  /** Whether some may be left that are to go. */
  #isLeft = false;
  #isEnding = false;

  constructor(db: DatabaseSync, parts: PreservedFilesParts) {
    this.#parts = parts;
    this.#rows = db.prepare(
      `SELECT fileid FROM inodes INDEXED BY orphans
       WHERE nlink = 0 AND fileid > ? ORDER BY fileid LIMIT ${MOST_AT_ONCE}`,
    );
  }

  /** See `FileSystem.preserveUnlinked`. */
  keep(): Disposable {
    let isKept = true;
    this.#holders++;
    this.#parts.orphans.isKeeping = true;
    return {
      [Symbol.dispose]: () => {
        if (isKept) this.#release();
        isKept = false;
      },
    };
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    // What the disk has refused it may take now.
    if (this.#isLeft && this.#removal === undefined) this.#begin();
  }

  /** The store is closed: what is left goes in its next life. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#removal;
  }

  #release(): void {
    const { orphans, transaction } = this.#parts;
    if (--this.#holders > 0) return;
    orphans.isKeeping = false;
    // What the open transaction has unlinked is in no row yet.
    this.#isLeft = transaction.isOpen || this.#after(0).length > 0;
    if (this.#isLeft && this.#removal === undefined) this.#begin();
  }

  #begin(): void {
    if (this.#isEnding || this.#holders > 0) return;
    const removal = workFor(OWN, () => this.#remove())
      // The next commit tries again.
      .catch(() => {})
      .finally(() => this.#removal = undefined);
    this.#removal = removal;
  }

  async #remove(): Promise<void> {
    for (let last: number | undefined = 0; last !== undefined;) {
      await nextTurn();
      await this.#parts.committer.settleAhead();
      if (this.#isEnding || this.#holders > 0) return;
      last = this.#removeAfter(last);
    }
    this.#isLeft = false;
  }

  /** Removes as many as go with a commit, behind the one of a number; returns the last of them. */
  #removeAfter(last: number): number | undefined {
    const { nodes, orphans } = this.#parts;
    const portion = new Portion();
    let reached: number | undefined;
    for (const fileid of this.#after(last)) {
      if (portion.isFull) break;
      const node = nodes.get(fileid);
      reached = fileid;
      // An open one goes when it is closed.
      if (node?.nlink !== 0 || node.opens > 0) continue;
      portion.add(orphans.weigh(node));
      orphans.free(node);
    }
    return reached;
  }

  #after(fileid: number): number[] {
    return this.#rows.all(fileid).map((row) => row["fileid"] as number);
  }
}
