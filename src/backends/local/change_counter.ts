import type { FileAttributes } from "../../vfs/file_system.ts";
import type { Host, HostStat } from "./host.ts";
import type { LocalNode } from "./node.ts";

/**
 * The change counter of a node (RFC 8881 5.8.1.4). It is ctime in microseconds,
 * which survives a restart and sees what happens behind our back, pushed on by
 * one for each change that ctime was too coarse to show.
 *
 * Those steps are known only for as long as the node is in memory. But no step
 * takes less than a microsecond, so within the tick the counter is never ahead of
 * the clock, and never past the end of the tick: there a node starts that is seen
 * for the first time, and so the counter never goes back.
 */
export function changeOf(
  node: LocalNode,
  stat: HostStat,
  time: { readonly host: Host; readonly now: () => number },
): number {
  const seen = node.seen;
  node.seen = stat;
  const { seconds, nanoseconds } = stat.ctime;
  const base = seconds * 1_000_000 + Math.floor(nanoseconds / 1000);
  if (seen === undefined) {
    const latest = Math.max(base, Math.floor(time.now() * 1000));
    node.change = Math.min(latest, base + time.host.tick);
  } else if (node.isTouched || differs(seen, stat)) {
    node.change = Math.max(node.change + 1, base);
  }
  node.isTouched = false;
  return node.change;
}

/** Whether anything was changed in between. */
export function differs(a: FileAttributes, b: FileAttributes): boolean {
  return a.ctime.nanoseconds !== b.ctime.nanoseconds ||
    a.ctime.seconds !== b.ctime.seconds || a.size !== b.size ||
    a.mtime.nanoseconds !== b.mtime.nanoseconds ||
    a.mtime.seconds !== b.mtime.seconds || a.mode !== b.mode ||
    a.nlink !== b.nlink || a.uid !== b.uid || a.gid !== b.gid;
}
