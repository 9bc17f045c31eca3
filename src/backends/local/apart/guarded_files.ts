import type { ApartNode } from "./known_nodes.ts";
import type { Line } from "./line.ts";

/** Files that clients are trusted with, each watched by the worker that carries it. */
export class GuardedFiles {
  readonly #recalls: ((node: ApartNode) => Promise<void>)[] = [];
  readonly #guarded = new Map<number, ApartNode>();
  #last = 0;

  /** `recall` is to be called when the host changes a guarded file. */
  watch(recall: (node: ApartNode) => Promise<void>): void {
    this.#recalls.push(recall);
  }

  /** Has the worker of `line` watch a file until the result is disposed of. */
  guard(file: ApartNode, line: Line): Disposable {
    const guard = ++this.#last;
    this.#guarded.set(guard, file);
    line.tell({ guard, file: file.number });
    return {
      [Symbol.dispose]: () => {
        if (this.#guarded.delete(guard)) line.tell({ unguard: guard });
      },
    };
  }

  /** The host has changed a file. */
  recall(node: ApartNode): void {
    // The server has its own way to tell of what goes wrong there.
    for (const recall of this.#recalls) recall(node).catch(() => {});
  }

  /** Nothing is watched any more. */
  recallAll(): void {
    for (const node of this.#guarded.values()) this.recall(node);
    this.#guarded.clear();
  }
}
