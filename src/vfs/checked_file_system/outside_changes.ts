import type { OutsideChanges } from "../file_system.ts";
import { CheckedTree } from "./directory_tree.ts";

/** What it tells of changes that do not come over NFS. */
export abstract class CheckedOutside extends CheckedTree
  implements Required<OutsideChanges> {
  watch(recall: (node: object) => Promise<void>): void {
    this.calls.isOver("watch", this.inner.watch!(recall));
  }

  guard(file: object): Disposable | undefined {
    return this.given("guard", () => this.inner.guard!(file));
  }

  guardFolder(folder: object): Disposable | undefined {
    return this.given("guardFolder", () => this.inner.guardFolder!(folder));
  }
}
