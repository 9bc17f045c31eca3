import type { Awaitable } from "../../base/awaitable.ts";
import type {
  AttributeChanges,
  FileAttributes,
  WantedAttributes,
} from "../attributes.ts";
import type { Rights } from "../wanted.ts";

/** The part of a {@linkcode FileSystem} that is what `stat` tells of a node. */
export interface NodeAttributes<Node extends object = object> {
  /**
   * The attributes of a node; may be its live record, read at once. What is not
   * `wanted` is not looked at; all are wanted where it is left out.
   */
  getattr(node: Node, wanted?: WantedAttributes): Awaitable<FileAttributes>;

  /** Changes attributes, all or none. A changed size changes mtime and ctime. */
  setattr?(
    node: Node,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void>;
}
