import type { Turn } from "../../base/turn.ts";
import type { LocalNode } from "./node.ts";
import type { Tree } from "./tree.ts";

/**
 * Checks the long part of the ways to far nodes in turns, so that an operation on
 * them has a short one to go. One operation after the other: on many ways at once
 * each would have the folders closed that the others have come to.
 */
export class Approach {
  readonly #tree: Tree;
  readonly #turn: Turn;
  /** Those asked for by now; never rejects. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    { tree, turn }: { readonly tree: Tree; readonly turn: Turn },
  ) {
    this.#tree = tree;
    this.#turn = turn;
  }

  /**
   * Waits until these nodes are near; `undefined` where they are. Never rejects:
   * what is wrong on the way the operation itself comes upon, and knows what it
   * means there.
   */
  to(nodes: readonly LocalNode[]): Promise<void> | undefined {
    if (!nodes.some((node) => this.#tree.folders.stopsTo(node).length > 0)) {
      return undefined;
    }
    return this.#last = this.#last.then(() => this.#check(nodes));
  }

  async #check(nodes: readonly LocalNode[]): Promise<void> {
    for (const node of nodes) {
      for (const stop of this.#tree.folders.stopsTo(node)) {
        try {
          this.#tree.folders.open(stop);
        } catch {
          return;
        }
        if (this.#turn.isOver) await this.#turn.next();
      }
    }
  }
}
