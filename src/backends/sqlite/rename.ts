import { FsError } from "../../vfs/mod.ts";
import { ROOT } from "./schema.ts";
import type { SqliteNode } from "./node.ts";
import type { Statements } from "./statements.ts";

/**
 * Throws unless POSIX allows `moved` to get a name in the folder `target`,
 * where `replaced` has that name now.
 */
export function checkRename(
  moved: SqliteNode,
  { target, replaced }: {
    readonly target: SqliteNode;
    readonly replaced: SqliteNode | undefined;
  },
  sql: Statements,
): void {
  const isFolder = moved.type === "directory";
  if (isFolder && isBelow(target, moved, sql)) throw new FsError("invalid");
  if (replaced === undefined) return;
  if (replaced.type !== "directory") {
    if (isFolder) throw new FsError("not-directory");
    return;
  }
  if (!isFolder) throw new FsError("is-directory");
  if (sql.hasEntries(replaced.fileid)) throw new FsError("not-empty");
}

/**
 * Whether `folder` is `top` or somewhere below it. Reads numbers and not nodes:
 * a long way up must not push those out of memory that are to be changed.
 */
function isBelow(
  folder: SqliteNode,
  top: SqliteNode,
  sql: Statements,
): boolean {
  for (let at: number | undefined = folder.fileid; at !== undefined;) {
    if (at === top.fileid) return true;
    if (at === ROOT) return false;
    at = sql.parent(at);
  }
  return false;
}
