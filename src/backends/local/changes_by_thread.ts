import { ongoingCall } from "../../base/ongoing_call.ts";
import { hostThreads } from "../common/host_threads.ts";
import { byThread } from "../common/transfers.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

/** A change of an open file's content that another thread makes. */
export interface ChangeByThread {
  /** What the host locks for it: what reads or changes that waits. */
  readonly locks: readonly LocalNode[];
  /** Whether it may take up to minutes. */
  readonly isLong: boolean;
  /** Makes it by a descriptor of the file. */
  readonly change: (fd: number) => Promise<void>;
}

/** Has another thread change a file's content, and what it made of its attributes kept. */
export function changeByThread(
  store: Store,
  file: LocalNode,
  { locks, isLong, change }: ChangeByThread,
): Promise<void> {
  const { files, guards, host, tree } = store;
  const descriptor = files.writing(file);
  tree.checkHeld(file, descriptor);
  const { fd } = descriptor;
  const stat = host.statFile(fd);
  const act = () => {
    descriptor.isUnsynced = true;
    const work = change(fd);
    store.locks.begun(locks, work);
    return work;
  };
  const terms = {
    call: ongoingCall(),
    locked: () => store.locks.of(...locks),
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
