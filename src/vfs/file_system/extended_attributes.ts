import type { Awaitable } from "../../base/awaitable.ts";
import type { ChangeInfo } from "../attributes.ts";
import type { Rights } from "../wanted.ts";

/** Whether {@linkcode FileSystem.setxattr} may make an extended attribute, and replace one (RFC 8276 8.4.2). */
export type SetXattrOption = "either" | "create" | "replace";

/** The part of a {@linkcode FileSystem} that is extended attributes, of files and folders (RFC 8276). */
export interface ExtendedAttributes<Node extends object = object> {
  /**
   * The value of an extended attribute of a file or folder (RFC 8276), 65,536 bytes at
   * most; `undefined` where there is none of that name. Names are without the
   * "user." that Linux puts before them, and have been checked: UTF-8, 1 to 255
   * bytes, no NUL. With this method and `listxattrs` a file system has
   * extended attributes.
   */
  getxattr?(node: Node, name: string): Awaitable<Uint8Array | undefined>;

  /**
   * The names of all extended attributes of a file or folder, 4,096 at most, in any
   * order; what can't be a name, or is there twice, is left out by the server.
   */
  listxattrs?(node: Node): Awaitable<readonly string[]>;

  /**
   * Makes or replaces an extended attribute, all of it or nothing: "exists" where
   * it is there and `option` is "create", "no-xattr" where it is not and that is
   * "replace", "xattr-too-big" for a value, or all of the node's together, that
   * it can't keep. Another value changes ctime and the counter of
   * {@linkcode FileAttributes.change}, not mtime. `value` is the callee's to keep.
   */
  setxattr?(
    node: Node,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Awaitable<ChangeInfo>;

  /** Removes an extended attribute, which changes what `setxattr` does; "no-xattr" where there is none of that name. */
  removexattr?(
    node: Node,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo>;
}
