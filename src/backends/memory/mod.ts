/**
 * A file system in memory, to serve a tree that a program makes up, and to test
 * and measure with.
 *
 * ```ts
 * import { memory } from "@dittofs/nfs4/backends/memory";
 *
 * const fs = memory({ "hello.txt": "hi", docs: { "a.md": "# A" } });
 * ```
 *
 * @module
 */
import { checkType } from "../../base/option_values.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { MemoryOptions } from "./options.ts";
import { isPlain, type MemoryTree, plant } from "./tree.ts";

export { MemoryFileSystem } from "./memory_file_system.ts";
export type { MemoryNode } from "./node.ts";
export type { MemoryOptions } from "./options.ts";
export type { MemoryTree } from "./tree.ts";

/**
 * A memory file system that holds `tree`. Throws a `TypeError` for a path that
 * can't be, or leads to what is neither text nor bytes nor a plain object, and an option that there is not or of another type, and a
 * `RangeError` for one out of range.
 */
export function memory(
  tree: MemoryTree = {},
  options: MemoryOptions = {},
): MemoryFileSystem {
  checkType("memory: the tree", tree, "object");
  if (!isPlain(tree)) {
    throw new TypeError("memory: the tree is no plain object of names");
  }
  const fs = new MemoryFileSystem(options);
  plant(fs, tree);
  return fs;
}
