import type { FsErrorCode } from "../../vfs/mod.ts";
import type { SqliteNode } from "./node.ts";
import type { Store } from "./store.ts";

/** What {@linkcode Settling} works with. */
export type SettlingParts = Pick<
  Store,
  | "close"
  | "committer"
  | "data"
  | "log"
  | "nodes"
  | "preserved"
  | "transaction"
>;

/** What is durable of what was answered, and what became of the rest. */
export class Settling {
  readonly #parts: SettlingParts;

  constructor(parts: SettlingParts) {
    this.#parts = parts;
  }

  /** See `FileSystem.settle`. */
  settle(): void | Promise<void> {
    return this.#parts.committer.settle();
  }

  /** See `FileSystem.unsettled`. */
  get unsettled(): number | undefined {
    const { nodes, transaction } = this.#parts;
    const { failure, operations, extensions } = transaction;
    if (failure !== undefined) return undefined;
    return operations + extensions + nodes.shown;
  }

  /** See `FileSystem.losses`. */
  get losses(): number {
    return this.#parts.transaction.losses;
  }

  /** See `FileSystem.loss`. */
  get loss(): FsErrorCode | undefined {
    return this.#parts.transaction.loss?.code;
  }

  /** Why the store is out of service until it is opened anew, or that its log only grows. */
  failure(): string | undefined {
    const { transaction, log } = this.#parts;
    return transaction.failure?.message ?? log.trouble;
  }

  /** Has the next commit save the attributes that wait in memory. */
  save(): void {
    this.#save((node) => this.#parts.nodes.change(node));
  }

  /** Makes everything durable and closes the store; rejects when that fails. */
  async close(): Promise<void> {
    const { committer, data, preserved } = this.#parts;
    try {
      await preserved.end();
      await committer.close(() => this.#save((node) => data.commit(node)));
    } finally {
      await this.#parts.close();
    }
  }

  #save(each: (node: SqliteNode) => void): void {
    const { nodes, transaction } = this.#parts;
    if (transaction.failure !== undefined || nodes.unsaved.size === 0) return;
    transaction.run();
    for (const node of nodes.unsaved) each(node);
  }
}
