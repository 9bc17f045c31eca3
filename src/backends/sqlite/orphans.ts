import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import { Portion } from "./portion.ts";
import type { Companion, Transaction } from "./transaction.ts";

/** What {@linkcode Orphans} works with. */
export interface OrphansParts {
  readonly transaction: Transaction;
  readonly nodes: NodeTable;
  /** Bytes of rows that go with a file, besides its own. */
  readonly weigh: (node: SqliteNode) => number;
  /** The statements that remove a file. */
  readonly write: (node: SqliteNode) => void;
  /** After those: memory is brought up to them, which can't fail. */
  readonly apply: (node: SqliteNode) => void;
}

/**
 * Files without a name that no owner has open any more. Each is removed with its
 * last close, which no client repeats: where the disk does not take that, a later
 * commit removes it.
 */
export class Orphans implements Companion {
  /** Whether they stay, for clients to open them anew. */
  isKeeping = false;
  readonly #parts: OrphansParts;
  /** Their numbers: a node may leave memory. */
  readonly #waiting = new Set<number>();
  /** Whether the open transaction removes some that had waited. */
  #isTaken = false;
  /** Whether a commit with some of them was refused, and none has been made since. */
  #isHeldBack = false;

  /** There are none. */
  constructor(parts: OrphansParts) {
    this.#parts = parts;
  }

  /** Whether a node goes once it has no name. */
  canGo({ type, opens }: SqliteNode): boolean {
    return opens === 0 && !(this.isKeeping && type === "file");
  }

  /** Bytes of rows that go with a file: see {@linkcode Portion}. */
  weigh(node: SqliteNode): number {
    return this.#parts.weigh(node);
  }

  /** Removes one, at once if that can be. */
  free(node: SqliteNode): void {
    const { transaction, write } = this.#parts;
    this.#waiting.add(node.fileid);
    transaction.run(() => write(node));
    this.#freed(node);
  }

  /** {@inheritDoc Companion.save} */
  save(): void {
    // What clients have changed may be what makes room.
    if (this.#isHeldBack) return;
    const { nodes, write } = this.#parts;
    const portion = new Portion();
    for (const fileid of this.#waiting) {
      if (portion.isFull) return;
      this.#waiting.delete(fileid);
      const node = nodes.get(fileid);
      // One that was opened again by its filehandle goes when it is closed.
      if (node === undefined || node.nlink > 0 || node.opens > 0) continue;
      this.#isTaken = true;
      portion.add(this.weigh(node));
      write(node);
      this.#freed(node);
    }
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    this.#isTaken = this.#isHeldBack = false;
  }

  /** {@inheritDoc Companion.undone} */
  undone(): void {
    this.#isHeldBack ||= this.#isTaken;
    this.#isTaken = false;
  }

  #freed(node: SqliteNode): void {
    const { fileid } = node;
    const { transaction, apply } = this.#parts;
    this.#waiting.delete(fileid);
    transaction.otherwise(() => this.#waiting.add(fileid));
    apply(node);
  }
}
