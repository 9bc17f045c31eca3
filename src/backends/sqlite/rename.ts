import { FsError } from "../../vfs/mod.ts";
import { ROOT } from "./schema.ts";
import type { SqliteNode } from "./node.ts";
import type { Statements } from "./statements.ts";

/** Folders above one that a folder with others in it can be moved to. */
export const MOST_LEVELS = 4096;

/**
 * Throws unless POSIX allows `moved`, in the folder `source`, to get a name in
 * the folder `target`, where `replaced` has that name now. "name-too-long": it
 * would be too far down to see whether that is below `moved` itself.
 */
export function checkRename(
  moved: SqliteNode,
  { source, target, replaced }: {
    readonly source: SqliteNode;
    readonly target: SqliteNode;
    readonly replaced: SqliteNode | undefined;
  },
  sql: Statements,
): void {
  const isFolder = moved.type === "directory";
  if (isFolder && target !== source) {
    // Nothing is below a folder that has none in it.
    const isBelow = target === moved ||
      moved.nlink > EMPTY_LINKS && isAbove(moved, target, sql);
    if (isBelow) throw new FsError("invalid");
  }
  if (replaced === undefined) return;
  if (replaced.type !== "directory") {
    if (isFolder) throw new FsError("not-directory");
    return;
  }
  if (!isFolder) throw new FsError("is-directory");
  if (sql.hasEntries(replaced.fileid)) throw new FsError("not-empty");
}

/** Links of a folder without folders: its name, and its own ".". */
const EMPTY_LINKS = 2;

/**
 * Whether `folder` is somewhere below `top`. Reads numbers and not nodes: a long
 * way up must not push those out of memory that are to be changed. A longer one
 * than {@linkcode MOST_LEVELS}, which only clients make that mean to, is not gone.
 */
function isAbove(
  top: SqliteNode,
  folder: SqliteNode,
  sql: Statements,
): boolean {
  let at: number | undefined = folder.fileid;
  for (let levels = 0; at !== undefined && at !== ROOT; levels++) {
    if (levels > MOST_LEVELS) throw new FsError("name-too-long");
    at = sql.parent(at);
    if (at === top.fileid) return true;
  }
  return false;
}
