import type { Awaitable } from "../../base/awaitable.ts";
import { after } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ChangeInfo, DirectoryName } from "../../vfs/file_system.ts";
import {
  assertJudged,
  assertJudgedEntry,
  type JudgedEntry,
} from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { hostCode } from "../../base/host_error.ts";
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

/** A name in a folder, and what of both the caller was judged by. */
interface JudgedName extends DirectoryName<LocalNode> {
  readonly judged: JudgedEntry<LocalNode> | undefined;
}

/** See `FileSystem.remove`. */
export function remove(
  store: Store,
  from: JudgedName,
): Awaitable<ChangeInfo> {
  const { directory, name, judged } = from;
  const { host, tree } = store;
  const node = tree.lookup(directory, name);
  if (node === undefined) throw new FsError("not-found");
  const resized = store.resizes.of(node);
  if (resized !== undefined) return after(resized, () => remove(store, from));
  const before = store.stat(directory);
  const stat = tree.stat(node);
  assertJudgedEntry(judged, { folder: before, node, rights: stat });
  store.keepReadable(node, stat);
  const at = { folder: tree.folders.open(directory), name };
  using _held = store.hold(node, stat, at);
  using _ = tree.moment.ending();
  takeName(() =>
    node.type === "directory" ? host.removeFolder(at) : host.removeFile(at)
  );
  store.unlinked(node, stat, { directory, name });
  const change = store.changed(directory, before, { removed: name });
  return store.lasting(change, directory);
}

/** What the host itself uses, to mount on say, may stay so for ever: nothing to try again. */
function takeName(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (hostCode(error) !== "EBUSY") throw error;
    throw new FsError("access", "in use by the host", { cause: error });
  }
}

/** What becomes of the two folders of a rename. */
interface Renamed {
  readonly source: ChangeInfo;
  readonly target: ChangeInfo;
}

/** See `FileSystem.rename`. */
export function rename(
  store: Store,
  from: JudgedName,
  to: JudgedName,
  isWritten = false,
): Awaitable<Renamed> {
  const { files, resizes, tree } = store;
  const replaced = tree.lookup(to.directory, to.name);
  const moved = tree.lookup(from.directory, from.name);
  const resized = (moved && resizes.of(moved)) ??
    (replaced && resizes.of(replaced));
  if (resized !== undefined) {
    return after(resized, () => rename(store, from, to, isWritten));
  }
  const isReplacing = moved !== undefined && replaced !== undefined &&
    moved !== replaced;
  if (isWritten || !isReplacing) return renameNow(store, from, to);
  // Some file systems (ext4) have what takes a name of another written out.
  const written = files.writeOut(moved, tree.stat(moved));
  return after(written, () => rename(store, from, to, true));
}

function renameNow(
  store: Store,
  from: JudgedName,
  to: JudgedName,
): Awaitable<Renamed> {
  const { host, tree } = store;
  tree.folders.openBoth(from.directory, to.directory);
  const before = {
    source: store.stat(from.directory),
    target: store.stat(to.directory),
  };
  const replaced = tree.lookup(to.directory, to.name);
  const moved = tree.lookup(from.directory, from.name);
  if (moved === undefined) throw new FsError("not-found");
  const movedStat = tree.stat(moved);
  const replacedStat = replaced && tree.stat(replaced);
  assertJudgedEntry(from.judged, {
    folder: before.source,
    node: moved,
    rights: movedStat,
  });
  assertJudgedEntry(to.judged, {
    folder: before.target,
    node: replaced,
    rights: replacedStat,
  });
  if (moved.type === "directory") tree.folders.assertRoomIn(to.directory);
  if (moved === replaced) {
    return {
      source: store.unchanged(before.source.change),
      target: store.unchanged(before.target.change),
    };
  }
  if (replaced !== undefined) store.keepReadable(replaced, replacedStat!);
  const [source, target] = tree.folders.openBoth(from.directory, to.directory);
  const at = { folder: target, name: to.name };
  using _held = replaced && store.hold(replaced, replacedStat!, at);
  using _ = tree.moment.ending();
  takeName(() => host.rename({ folder: source, name: from.name }, at));
  if (replaced !== undefined) store.unlinked(replaced, replacedStat!, to);
  moved.lostAt(from.directory, from.name);
  moved.foundAt(to.directory, to.name, movedStat.nlink);
  tree.table.parents.remember(moved, to.directory.inode);
  store.touched(moved);
  if (moved.type === "directory") tree.moves++;
  const removed = from.name;
  const added = to.name;
  if (from.directory === to.directory) {
    const names = { removed, added };
    const info = store.changed(from.directory, before.source, names);
    return store.lasting({ source: info, target: info }, from.directory);
  }
  const changes = {
    source: store.changed(from.directory, before.source, { removed }),
    target: store.changed(to.directory, before.target, { added }),
  };
  return store.lasting(changes, from.directory, to.directory);
}
