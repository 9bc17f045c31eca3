import type { Awaitable } from "../../base/awaitable.ts";
import { after, goingOn, ongoingCall } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ChangeInfo } from "../../vfs/file_system.ts";
import { assertJudgedEntry } from "../../vfs/judged.ts";
import { byThread } from "../common/transfers.ts";
import type { HostStat } from "./host.ts";
import type { Lockable } from "./host_locks.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Store } from "./store.ts";
import { type JudgedName, notTaken } from "./taken_names.ts";

/** What becomes of the two folders of a rename. */
interface Renamed {
  readonly source: ChangeInfo;
  readonly target: ChangeInfo;
}

/** What a rename finds, just before. */
interface Found {
  readonly before: { readonly source: HostStat; readonly target: HostStat };
  readonly moved: LocalNode;
  readonly movedStat: HostStat;
  readonly replaced: LocalNode | undefined;
  readonly replacedStat: HostStat | undefined;
}

/** See `FileSystem.rename`. */
export function rename(
  store: Store,
  from: JudgedName,
  to: JudgedName,
  isWritten = false,
): Awaitable<Renamed> {
  const { files, locks, tree } = store;
  const replaced = tree.lookup(to.directory, to.name);
  const moved = tree.lookup(from.directory, from.name);
  const lockable: Lockable[] = [from.directory, to.directory];
  if (moved !== undefined) lockable.push(moved);
  if (replaced !== undefined) lockable.push(replaced);
  // The host moves one thing at a time from one folder to another.
  if (from.directory !== to.directory) lockable.push(tree);
  const locked = locks.of(...lockable);
  if (locked !== undefined) {
    return after(locked, () => rename(store, from, to, isWritten));
  }
  const isReplacing = moved !== undefined && replaced !== undefined &&
    moved !== replaced;
  if (isReplacing && !isWritten) {
    // Some file systems (ext4) have what takes a name of another written out.
    const written = files.writeOut(moved, tree.stat(moved));
    return after(written, () => rename(store, from, to, true));
  }
  if (!isReplacing || !areFolders(moved, replaced)) {
    return lasting(store, renameNow(store, from, to), { from, to });
  }
  const act = goingOn(() => replaceFolder(store, { from, to }, lockable));
  const renamed = byThread(async () => await act(), {
    call: ongoingCall(),
    locked: () => locks.of(...lockable),
  });
  return renamed.then((renamed) => lasting(store, renamed, { from, to }));
}

function areFolders(...nodes: readonly (LocalNode | undefined)[]): boolean {
  return nodes.every((node) => node?.type === "directory");
}

function lasting(
  store: Store,
  renamed: Renamed,
  { from, to }: { readonly from: JudgedName; readonly to: JudgedName },
): Awaitable<Renamed> {
  return store.lasting(renamed, from.directory, to.directory);
}

function find(store: Store, from: JudgedName, to: JudgedName): Found {
  const { tree } = store;
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
  return { before, moved, movedStat, replaced, replacedStat };
}

function renameNow(store: Store, from: JudgedName, to: JudgedName): Renamed {
  const { host, tree } = store;
  const found = find(store, from, to);
  const { before, moved, replaced, replacedStat } = found;
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
  try {
    host.rename({ folder: source, name: from.name }, at);
  } catch (error) {
    throw notTaken(error);
  }
  return renamed(store, { from, to }, found);
}

/** By the thread that there is for it. The host has the folders locked for as long. */
function replaceFolder(
  store: Store,
  { from, to }: { readonly from: JudgedName; readonly to: JudgedName },
  lockable: readonly Lockable[],
): Promise<Renamed> {
  const { host, locks, tree } = store;
  const found = find(store, from, to);
  const { moved, replaced } = found;
  // They were others' names while this stood in line.
  if (!areFolders(moved, replaced) || moved === replaced) {
    throw new Misplaced(moved);
  }
  const source = tree.folders.pinned(from.directory);
  const target = tree.folders.pinned(to.directory);
  const taken = host.replaceFolderLater(
    { folder: source, name: from.name },
    { folder: target, name: to.name },
  )
    .catch((error) => Promise.reject(notTaken(error)))
    .finally(() => {
      source[Symbol.dispose]();
      target[Symbol.dispose]();
      tree.moment.end();
    })
    .then(() => renamed(store, { from, to }, found));
  locks.begun(lockable, taken);
  return taken;
}

function renamed(
  store: Store,
  { from, to }: { readonly from: JudgedName; readonly to: JudgedName },
  { before, moved, movedStat, replaced, replacedStat }: Found,
): Renamed {
  const { tree } = store;
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
    return { source: info, target: info };
  }
  return {
    source: store.changed(from.directory, before.source, { removed }),
    target: store.changed(to.directory, before.target, { added }),
  };
}
