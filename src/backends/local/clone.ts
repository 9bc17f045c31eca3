import { FsError } from "../../vfs/errors.ts";
import type { CloneRange, FileSystem } from "../../vfs/file_system.ts";
import { assertInBlocks } from "../common/clone_blocks.ts";
import { isLongInRange } from "../common/long_calls.ts";
import { changeByThread } from "./changes_by_thread.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

/** Leaves the method out of a folder of ours whose host has no files share blocks. */
export function withoutClone(fs: Pick<FileSystem, "clone">): void {
  Object.defineProperty(fs, "clone", { value: undefined });
}

/**
 * See `FileSystem.clone`. The host writes out what it has of the source in memory, and
 * locks both files for as long: what reads or changes one of them waits.
 */
export function clone(
  store: Store,
  [source, target]: readonly [source: LocalNode, target: LocalNode],
  range: CloneRange,
): Promise<void> {
  const { files, host, tree } = store;
  const clones = host.clones;
  if (clones === undefined) throw new FsError("not-supported");
  const targetStat = host.statFile(files.writing(target).fd);
  // After that: of one file there may be another descriptor now that can do both.
  const from = files.reading(source);
  tree.checkHeld(source, from);
  const stats = { source: host.statFile(from.fd), target: targetStat };
  assertInBlocks(clones.block, stats, range);
  const isLong = Object.values(stats)
    .some((stat) => isLongInRange(stat, range.length));
  // Held from here on, also while it stands in line for a thread.
  return from.transferring(() =>
    changeByThread(store, target, {
      locks: [source, target],
      isLong,
      change: (fd) => clones.share(from.fd, fd, range),
    })
  );
}
