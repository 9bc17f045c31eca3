import type { LocalNode } from "./node.ts";

/** One who waits for a file's content to be on disk. */
export interface Waiting extends Disposable {
  /** Of any sync of the file since. */
  readonly failure: unknown;
}

/**
 * That a sync of a file has failed the host tells to one who asks. What it was to
 * bring to disk may have been of others, who stand in a line for theirs still, so
 * all hear of it who wait then.
 */
export class SyncFailures {
  readonly #waiting = new Map<LocalNode, Set<{ failure: unknown }>>();

  /** Hears of failures until it is disposed of. */
  wait(node: LocalNode): Waiting {
    const others = this.#waiting.get(node) ?? new Set();
    const waiting = {
      failure: undefined,
      [Symbol.dispose]: () => {
        others.delete(waiting);
        if (others.size === 0) this.#waiting.delete(node);
      },
    };
    this.#waiting.set(node, others.add(waiting));
    return waiting;
  }

  /** Tells all who wait. */
  failed(node: LocalNode, failure: unknown): void {
    for (const waiting of this.#waiting.get(node) ?? []) {
      waiting.failure = failure;
    }
  }
}
