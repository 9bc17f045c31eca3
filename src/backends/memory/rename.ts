import { FsError } from "../../vfs/mod.ts";
import type { MemoryNode } from "./node.ts";

/**
 * Throws unless POSIX allows `moved` to get a name in the folder `target`,
 * where `replaced` has that name now.
 */
export function checkRename(
  moved: MemoryNode,
  target: MemoryNode,
  replaced: MemoryNode | undefined,
): void {
  if (moved.directory !== undefined && isBelow(target, moved)) {
    throw new FsError("invalid");
  }
  if (replaced === undefined) return;
  if (replaced.directory === undefined) {
    if (moved.directory !== undefined) throw new FsError("not-directory");
    return;
  }
  if (moved.directory === undefined) throw new FsError("is-directory");
  if (replaced.directory.size > 0) throw new FsError("not-empty");
}

/** Whether `folder` is `top` or somewhere below it. */
function isBelow(folder: MemoryNode, top: MemoryNode): boolean {
  for (let at = folder;;) {
    if (at === top) return true;
    const { parent } = at.directory!;
    if (parent === at) return false;
    at = parent;
  }
}
