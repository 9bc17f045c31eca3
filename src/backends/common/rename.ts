import { type FileType, FsError } from "../../vfs/mod.ts";

/** Folders above one that a folder with others in it can be moved to. */
export const MOST_LEVELS = 2048;
/** Links of a folder without folders: its name, and its own ".". */
const EMPTY_LINKS = 2;

/** What is looked at of a node. */
interface RenamedNode {
  readonly fileid: number;
  readonly type: FileType;
  readonly nlink: number;
}

/** What is to be done: nodes that are no other than each other where they are the same. */
interface Renaming<Node> {
  /** The node that gets another name. */
  readonly moved: Node;
  /** The folder that it is in. */
  readonly source: Node;
  /** The folder that it is to be in. */
  readonly target: Node;
  /** What has the name there now. */
  readonly replaced: Node | undefined;
}

/** What a tree tells of folders by their numbers. */
interface Folders {
  /** The folder that a folder is in; the root's is itself. */
  parent(fileid: number): number | undefined;
  /** Whether a folder has entries. */
  hasEntries(fileid: number): boolean;
}

/**
 * Throws unless POSIX allows what is to be done. "name-too-long": it would be
 * too far down to see whether that is below the moved folder itself.
 */
export function checkRename<Node extends RenamedNode>(
  { moved, source, target, replaced }: Renaming<Node>,
  folders: Folders,
): void {
  const isFolder = moved.type === "directory";
  if (isFolder && target !== source) {
    // Nothing is below a folder that has none in it.
    const isBelow = target === moved ||
      moved.nlink > EMPTY_LINKS && isAbove(moved, target, folders);
    if (isBelow) throw new FsError("invalid");
  }
  if (replaced === undefined) return;
  if (replaced.type !== "directory") {
    if (isFolder) throw new FsError("not-directory");
    return;
  }
  if (!isFolder) throw new FsError("is-directory");
  if (folders.hasEntries(replaced.fileid)) throw new FsError("not-empty");
}

/**
 * Whether `folder` is somewhere below `top`. Goes by numbers and not by nodes: a
 * long way up must not push those out of memory that are to be changed. A longer
 * one than {@linkcode MOST_LEVELS}, which only clients make that mean to, is not
 * gone: nothing else is done meanwhile.
 */
function isAbove(
  top: RenamedNode,
  folder: RenamedNode,
  folders: Folders,
): boolean {
  let at = folder.fileid;
  for (let levels = 0; levels <= MOST_LEVELS; levels++) {
    const parent = folders.parent(at);
    if (parent === top.fileid) return true;
    if (parent === undefined || parent === at) return false;
    at = parent;
  }
  throw new FsError("name-too-long");
}
