import { FsError } from "../../vfs/mod.ts";
import type { MemoryFileSystem } from "./memory_file_system.ts";
import type { MemoryNode } from "./node.ts";

/**
 * What a memory file system starts with: text (as UTF-8) and bytes are files,
 * another tree is a folder. `"docs/a.md"` is `a.md` in the folder `docs`, and
 * `"docs/"` with nothing in it that folder, as archives have them.
 */
export interface MemoryTree {
  /** A name, or names with "/" between them. */
  readonly [path: string]: string | Uint8Array | MemoryTree;
}

/** Owner of what is made. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Characters of a path that a message repeats. */
const MOST_SHOWN = 80;

const encoder = new TextEncoder();

/** Makes the files of `tree` below `folder`. Throws a `TypeError` for a bad path. */
export function plant(
  fs: MemoryFileSystem,
  tree: MemoryTree,
  folder: MemoryNode = fs.root(),
): void {
  const owner = { uid: folder.uid, gid: folder.gid };
  for (const [path, value] of Object.entries(tree)) {
    const isFolder = path.endsWith("/") && isEmpty(value);
    const names = (isFolder ? path.slice(0, -1) : path).split("/");
    if (names.some(isBad)) refuse(path, "is no path of names");
    try {
      const name = names.pop()!;
      let parent = folder;
      for (const step of names) parent = folderIn(fs, parent, step, owner);
      if (isFolder) folderIn(fs, parent, name, owner);
      else if (typeof value === "string" || value instanceof Uint8Array) {
        plantFile(fs, { directory: parent, name }, value, owner);
      } else if (isPlain(value)) {
        plant(fs, value, folderIn(fs, parent, name, owner));
      } else {
        refuse(path, "is neither text nor bytes nor a tree");
      }
    } catch (cause) {
      if (cause instanceof FsError) refuse(path, cause.message, cause);
      throw cause;
    }
  }
}

function plantFile(
  fs: MemoryFileSystem,
  at: { directory: MemoryNode; name: string },
  value: string | Uint8Array,
  owner: Owner,
): void {
  const attributes = { mode: 0o644, ...owner };
  const kind = { type: "file" } as const;
  const { node } = fs.create(at.directory, at.name, kind, { attributes });
  const data = typeof value === "string" ? encoder.encode(value) : value;
  fs.write(node, 0, data, "file");
}

/** The folder `name` in `parent`, which another path may have made already. */
function folderIn(
  fs: MemoryFileSystem,
  parent: MemoryNode,
  name: string,
  owner: Owner,
): MemoryNode {
  const attributes = { mode: 0o755, ...owner };
  return fs.lookup(parent, name) ??
    fs.create(parent, name, { type: "directory" }, { attributes }).node;
}

/** Whether a value is an object of names: an ArrayBuffer or a Map has none, and would be an empty folder. */
export function isPlain(value: unknown): value is MemoryTree {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function isEmpty(value: unknown): boolean {
  return value === "" || value instanceof Uint8Array && value.length === 0;
}

function isBad(name: string): boolean {
  return name === "" || name === "." || name === ".." || name.includes("\0");
}

function refuse(path: string, why: string, cause?: FsError): never {
  const shown = path.length > MOST_SHOWN
    ? `${path.slice(0, MOST_SHOWN)}…`
    : path;
  throw new TypeError(`${JSON.stringify(shown)}: ${why}`, { cause });
}
