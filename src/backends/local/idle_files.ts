import type { Clock } from "../../base/clock.ts";
import type { Turn } from "../../base/turn.ts";
import type { FileDescriptors } from "./file_descriptors.ts";
import type { LocalNode } from "./node.ts";
import type { Tree } from "./tree.ts";

/** Milliseconds between two looks at the files that are held open. */
export const LOOK = 30_000;

/** What {@linkcode IdleFiles} works with. */
export interface IdleFilesParts {
  readonly files: FileDescriptors;
  readonly tree: Tree;
  readonly clock: Clock;
  readonly turn: Turn;
}

/**
 * Lets go of files that no client needs: the host may have removed them, and
 * gives back what they take with the last close. It does not tell of that, so all
 * that are held are looked at now and then.
 */
export class IdleFiles implements Disposable {
  readonly #parts: IdleFilesParts;
  #cancel: (() => void) | undefined;
  #isDisposed = false;

  constructor(parts: IdleFilesParts) {
    this.#parts = parts;
  }

  /** A file is held open, and is looked at before long. */
  expect(): void {
    if (this.#isDisposed) return;
    this.#cancel ??= this.#parts.clock.schedule(() => this.#sweep(), LOOK);
  }

  /** Closes a file that no client needs, but for one whose content may still be lost. */
  letGo(file: LocalNode): void {
    const { files, tree } = this.#parts;
    if (file.descriptor === undefined || file.isNeeded) return;
    if (!file.descriptor.isUnsynced) return files.close(file);
    try {
      tree.buryNameless(file);
    } catch {
      // "stale", as it is to be.
    }
  }

  /** Looks at none any more. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#cancel?.();
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    const { files, turn } = this.#parts;
    for (const file of files.held()) {
      if (turn.isOver) await turn.next();
      if (this.#isDisposed) return;
      this.letGo(file);
    }
    this.#cancel = undefined;
    if (files.held().length > 0) this.expect();
  }
}
