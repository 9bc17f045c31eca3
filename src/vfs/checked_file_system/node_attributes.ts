import { type Awaitable, promised } from "../../base/awaitable.ts";
import { wrongAttributes } from "../checks.ts";
import type {
  AttributeChanges,
  FileAttributes,
  NodeAttributes,
  WantedAttributes,
} from "../file_system.ts";
import type { Rights } from "../wanted.ts";
import { CheckedStorage } from "./stable_storage.ts";

/** What `stat` tells of the nodes of a file system. */
export abstract class CheckedAttributes extends CheckedStorage
  implements Required<NodeAttributes> {
  getattr(
    node: object,
    wanted?: WantedAttributes,
  ): Awaitable<FileAttributes> {
    if (!this.isAtHand) return this.looks.getattr(node, wanted);
    const given = this.inner.getattr(node, wanted);
    if (!(given instanceof Promise)) return given;
    const call = { method: "getattr", node };
    return this.calls.checked(call, given, wrongAttributes);
  }

  setattr(
    node: object,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const call = { method: "setattr", node };
    const set = () => promised(this.inner.setattr!(node, changes, judged));
    return this.calls.called(call, set, () => undefined);
  }
}
