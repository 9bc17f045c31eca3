import type { Awaitable } from "../../base/awaitable.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ChangeInfo, DirectoryName } from "../../vfs/file_system.ts";
import { assertJudged } from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Store } from "./store.ts";

/** See `FileSystem.link`. */
export function link(
  store: Store,
  node: LocalNode,
  { directory, name, judged }: DirectoryName<LocalNode> & {
    readonly judged: Rights | undefined;
  },
): Awaitable<ChangeInfo> {
  if (node.type === "directory") throw new FsError("is-directory");
  const { host, tree } = store;
  using _ = tree.moment.ending();
  tree.stat(node);
  if (node.isGone) throw new FsError("stale");
  const before = store.stat(directory);
  assertJudged(judged, before);
  const from = node.places[0]!;
  const [source, target] = tree.folders.openBoth(from.parent, directory);
  const at = { folder: target, name };
  host.link({ folder: source, name: from.name }, at);
  const stat = tree.folders.entry(target, name);
  if (stat === undefined || !node.is(stat)) {
    // Its name was taken by another file since we looked.
    host.removeFile(at);
    throw new Misplaced(node);
  }
  node.foundAt(directory, name, stat.nlink);
  tree.table.parents.remember(node, directory.inode);
  store.touched(node);
  const change = store.changed(directory, before, { added: name });
  return store.lasting(change, directory);
}
