import { ongoingCall } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ContentKind } from "../../vfs/file_system.ts";
import { hostRoom } from "../common/host_room.ts";
import { isLongInRange } from "../common/long_calls.ts";
import { byThread } from "../common/transfers.ts";
import { changeByThread } from "./changes_by_thread.ts";
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
  const { files, host } = store;
  const ranges = host.ranges!;
  const { fd } = files.writing(file);
  const stat = host.statFile(fd);
  if (change === "allocate") assertRoom(host, fd, { stat, length });
  return changeByThread(store, file, {
    locks: [file],
    isLong: isLongInRange(stat, length),
    change: (fd) => ranges[change](fd, offset, length),
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
