import { FsError } from "../../vfs/mod.ts";
import { ROOT } from "./schema.ts";
import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
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
  { nodes, sql }: { readonly nodes: NodeTable; readonly sql: Statements },
): void {
  const isFolder = moved.type === "directory";
  if (isFolder && isBelow(target, moved, nodes)) throw new FsError("invalid");
  if (replaced === undefined) return;
  if (replaced.type !== "directory") {
    if (isFolder) throw new FsError("not-directory");
    return;
  }
  if (!isFolder) throw new FsError("is-directory");
  if (sql.hasEntries(replaced.fileid)) throw new FsError("not-empty");
}

/** Whether `folder` is `top` or somewhere below it. */
function isBelow(
  folder: SqliteNode,
  top: SqliteNode,
  nodes: NodeTable,
): boolean {
  for (let at: SqliteNode | undefined = folder; at !== undefined;) {
    if (at.fileid === top.fileid) return true;
    if (at.fileid === ROOT) return false;
    at = nodes.get(at.parent!);
  }
  return false;
}
