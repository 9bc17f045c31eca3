import { leave } from "../../base/awaitable.ts";
import type { OutsideChanges } from "../file_system.ts";
import { CheckedTree } from "./directory_tree.ts";

/** What it tells of changes that do not come over NFS. */
export abstract class CheckedOutside extends CheckedTree
  implements Required<OutsideChanges> {
  watch(recall: (node: object) => Promise<void>): void {
    this.calls.isOver("watch", this.inner.watch!(recall));
  }

  guard(file: object): Disposable | undefined {
    return this.#guarded("guard", () => this.inner.guard!(file));
  }

  guardFolder(folder: object): Disposable | undefined {
    return this.#guarded("guardFolder", () => this.inner.guardFolder!(folder));
  }

  #guarded(
    call: "guard" | "guardFolder",
    ask: () => Disposable | undefined,
  ): Disposable | undefined {
    const given = this.calls.told(call, ask, undefined);
    if (given === undefined) return undefined;
    if (typeof given?.[Symbol.dispose] === "function") {
      // It is the end of a delegation, which others wait for.
      const release = () => given[Symbol.dispose]();
      const end = () => void this.calls.isOver(call, release());
      return {
        [Symbol.dispose]: () => this.calls.told(call, end, undefined),
      };
    }
    leave(given);
    this.calls.say(call, "no Disposable");
    return undefined;
  }
}
