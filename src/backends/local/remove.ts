import type { Awaitable } from "../../base/awaitable.ts";
import { after, goingOn, ongoingCall } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ChangeInfo } from "../../vfs/file_system.ts";
import { assertJudgedEntry } from "../../vfs/judged.ts";
import { byThread } from "../common/transfers.ts";
import type { HostStat } from "./host.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Store } from "./store.ts";
import { type JudgedName, notTaken } from "./taken_names.ts";

/** An entry that is to be taken away, as it is just before. */
interface Entry {
  readonly node: LocalNode;
  readonly stat: HostStat;
  /** Its folder. */
  readonly before: HostStat;
}

/** See `FileSystem.remove`. */
export function remove(
  store: Store,
  from: JudgedName,
): Awaitable<ChangeInfo> {
  const { directory } = from;
  const node = named(store, from);
  const locked = store.locks.of(directory, node);
  if (locked !== undefined) return after(locked, () => remove(store, from));
  if (node.type !== "directory") {
    return store.lasting(removeFile(store, from, node), directory);
  }
  const act = goingOn(() => removeFolder(store, from));
  const removed = byThread(async () => await act(), {
    call: ongoingCall(),
    locked: () => store.locks.of(directory, node),
  });
  return removed.then((change) => store.lasting(change, directory));
}

function named(
  { tree }: Store,
  { directory, name }: JudgedName,
): LocalNode {
  const node = tree.lookup(directory, name);
  if (node === undefined) throw new FsError("not-found");
  return node;
}

function judgedEntry(
  store: Store,
  { directory, judged }: JudgedName,
  node: LocalNode,
): Entry {
  const before = store.stat(directory);
  const stat = store.tree.stat(node);
  assertJudgedEntry(judged, { folder: before, node, rights: stat });
  return { node, stat, before };
}

function removeFile(
  store: Store,
  from: JudgedName,
  node: LocalNode,
): ChangeInfo {
  const { host, tree } = store;
  const entry = judgedEntry(store, from, node);
  store.keepReadable(node, entry.stat);
  const at = { folder: tree.folders.open(from.directory), name: from.name };
  using _held = store.hold(node, entry.stat, at);
  using _ = tree.moment.ending();
  try {
    host.removeFile(at);
  } catch (error) {
    throw notTaken(error);
  }
  return removed(store, from, entry);
}

/** By the thread that there is for it. The host has both folders locked for as long. */
function removeFolder(store: Store, from: JudgedName): Promise<ChangeInfo> {
  const { directory, name } = from;
  const { host, locks, tree } = store;
  const node = named(store, from);
  // It was another's name while this stood in line.
  if (node.type !== "directory") throw new Misplaced(node);
  const entry = judgedEntry(store, from, node);
  const folder = tree.folders.pinned(directory);
  const taken = host.removeFolderLater({ folder, name })
    .catch((error) => Promise.reject(notTaken(error)))
    .finally(() => {
      folder[Symbol.dispose]();
      tree.moment.end();
    })
    .then(() => removed(store, from, entry));
  locks.begun([directory, node], taken);
  return taken;
}

function removed(
  store: Store,
  { directory, name }: JudgedName,
  { node, stat, before }: Entry,
): ChangeInfo {
  store.unlinked(node, stat, { directory, name });
  return store.changed(directory, before, { removed: name });
}
