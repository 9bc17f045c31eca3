import { hasSubvolumes } from "./file_system_type.ts";
import { type Host, isToldApart, UNPINNED } from "./host.ts";
import { BLIND_TO_LAYERS, isLayered } from "./overlay_host.ts";
import type { Tree } from "./tree.ts";

/** What clients do not find in a folder on btrfs, for the user. */
const NO_SUBVOLUMES = "no btrfs subvolumes and snapshots below it";

/** Where Deno may write to the folder alone: it has symlinks made by who may write everywhere. */
export const NO_NEW_SYMLINKS =
  "no new symlinks without --allow-read and --allow-write for all paths";

/** What is missing in the folder at `path`, for want of libc or in its own file system: a few words each, for the user. */
export function limitationsOf(tree: Tree, path: string): readonly string[] {
  const { host } = tree;
  return [
    ...host.limitations,
    ...host.pinsFolders ? [] : [UNPINNED],
    ...host.xattrs === undefined ? ["no extended attributes"] : [],
    ...gaps(host, path, tree),
    ...hasSubvolumes(path) ? [NO_SUBVOLUMES] : [],
    ...mayMakeSymlinks() ? [] : [NO_NEW_SYMLINKS],
  ];
}

function mayMakeSymlinks(): boolean {
  const names = ["read", "write"] as const;
  return names.every((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );
}

/** What the folder's own file system does not tell this host. */
function gaps(host: Host, path: string, tree: Tree): readonly string[] {
  if (host.seesLayers) return [];
  if (isLayered(path)) return [BLIND_TO_LAYERS];
  return isToldApart(tree.stat(tree.root))
    ? []
    : ["no handles that end with their file, for no birth is told"];
}
