import { ongoingCall } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ContentKind } from "../../vfs/file_system.ts";
import { hostThreads } from "../common/host_threads.ts";
import { hostRoom } from "../common/host_room.ts";
import { isLongInRange } from "../common/long_calls.ts";
import { byThread } from "../common/transfers.ts";
import { mayAskStatus } from "./file_system_type.ts";
import type { Host, HostStat } from "./host.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

/** What is to become of some bytes of a file. */
export interface RangeChange {
  readonly change: "allocate" | "deallocate";
  /** The first of them. */
  readonly offset: number;
  /** How many, one at least. */
  readonly length: number;
}

/** Leaves out of a folder of ours what takes libc. */
export function withoutRanges(fs: object): void {
  for (const name of ["allocate", "deallocate", "seek"]) {
    Object.defineProperty(fs, name, { value: undefined });
  }
}

/**
 * See `FileSystem.allocate` and `deallocate`. The host locks the file for as long,
 * like for a new size: what reads or changes it waits.
 */
export function changeRange(
  store: Store,
  file: LocalNode,
  { change, offset, length }: RangeChange,
): Promise<void> {
  const { files, guards, host, locks, tree } = store;
  const ranges = host.ranges!;
  const descriptor = files.writing(file);
  tree.checkHeld(file, descriptor);
  const { fd } = descriptor;
  const stat = host.statFile(fd);
  if (change === "allocate") assertRoom(host, fd, { stat, length });
  const isLong = isLongInRange(stat, length);
  const act = () => {
    descriptor.isUnsynced = true;
    const work = ranges[change](fd, offset, length);
    locks.begun([file], work);
    return work;
  };
  const terms = {
    call: ongoingCall(),
    locked: () => locks.of(file),
    threads: isLong ? hostThreads.long : hostThreads.short,
  };
  const changed = descriptor.transferring(() => byThread(act, terms));
  return guards.during(file, changed)
    // Also where a part was done, and then no more.
    .finally(() => store.touched(file))
    .then(() => {
      // It may have been changed for another one meanwhile.
      (file.descriptor ?? descriptor).isUnsynced = true;
      return store.keep(file, stat);
    });
}

/** See `FileSystem.seek`. */
export function seek(
  store: Store,
  file: LocalNode,
  offset: number,
  what: ContentKind,
): Promise<number | undefined> {
  const { files, host, locks, tree } = store;
  const ranges = host.ranges!;
  const descriptor = files.reading(file);
  tree.checkHeld(file, descriptor);
  const terms = { call: ongoingCall(), locked: () => locks.of(file) };
  const look = () => ranges.seek(descriptor.fd, offset, what);
  return descriptor.transferring(() => byThread(look, terms));
}

/** The host would take all that there is, and give none of it back. */
function assertRoom(
  host: Host,
  fd: number,
  { stat, length }: { readonly stat: HostStat; readonly length: number },
): void {
  const path = host.pathOf(fd);
  if (path === undefined || !mayAskStatus()) return;
  const { freeBytes } = hostRoom(path);
  if (length - stat.used > freeBytes) throw new FsError("no-space");
}
