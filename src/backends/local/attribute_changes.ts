import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import fs from "node:fs";
import type { AccessList } from "../../vfs/access_list.ts";
import type { Ace } from "../../vfs/acl.ts";
import { FsError } from "../../vfs/errors.ts";
import type { AttributeChanges, FileType } from "../../vfs/file_system.ts";
import { hostListsOf } from "../../vfs/host_acl.ts";
import { SETGID, SETUID } from "../../vfs/permissions.ts";
import type { AclKind } from "./acl_calls.ts";
import type { Host, HostStat } from "./host.ts";

/** Throws unless `changes` can be made to a node of this type. */
export function checkChanges(type: FileType, changes: AttributeChanges): void {
  const { size } = changes;
  if (size === undefined) return;
  if (type === "directory") throw new FsError("is-directory");
  if (type !== "file") throw new FsError("wrong-type");
  if (size > Number.MAX_SAFE_INTEGER) throw new FsError("too-big");
  if (size < 0) throw new FsError("invalid");
}

/** Whether the changes are made by a path: a new size is made through a descriptor. */
export function needsPath(changes: AttributeChanges): boolean {
  const { mode, acl, uid, gid, atime, mtime } = changes;
  return mode !== undefined || acl !== undefined || uid !== undefined ||
    gid !== undefined ||
    atime !== undefined || mtime !== undefined;
}

/** What to change, and by which ways. */
export interface ChangeTarget {
  /** A path to the node itself, where {@linkcode needsPath} says so. */
  readonly path: string | undefined;
  /** Brings the file to another size, which may take a while. */
  readonly resize: (size: number) => Awaitable<void>;
  /** What it looks like now. */
  readonly stat: HostStat;
}

/**
 * Changes attributes, all or none: what was done is undone when a later one is
 * refused. The size comes last of those that can be refused, as what it cuts
 * off can't be had back.
 */
export function applyChanges(
  host: Host,
  target: ChangeTarget,
  changes: AttributeChanges,
): Awaitable<void> {
  return take(apply(host, target, changes));
}

function* apply(
  host: Host,
  target: ChangeTarget,
  changes: AttributeChanges,
): Steps<void> {
  const { path = "", resize, stat } = target;
  const { mode, acl, size, atime, mtime } = changes;
  const undo: (() => void)[] = [];
  try {
    if (changes.uid !== undefined || changes.gid !== undefined) {
      const { uid = stat.uid, gid = stat.gid } = changes;
      chown(host, path, { uid, gid });
      undo.push(() => chown(host, path, stat));
    }
    // After chown, which takes setuid and setgid away. Linux has no mode of a symlink.
    if (mode !== undefined && stat.type !== "symlink") {
      fs.chmodSync(path, mode);
      undo.push(() => fs.chmodSync(path, stat.mode));
    }
    // After the mode, as it sets that (RFC 8881 6.4.1.3).
    if (typeof acl === "object") setLists(host, target, { acl, undo });
    if (size !== undefined) {
      yield* wait(resize(size));
      // With a new size the host takes setuid and setgid away, unless we are root.
      const high = (mode ?? 0) & (SETUID | SETGID);
      if (high !== 0) {
        fs.chmodSync(path, high | fs.statSync(path).mode & 0o1777);
      }
    }
    if (atime !== undefined || mtime !== undefined) {
      host.setTimes(path, atime, mtime);
    }
  } catch (error) {
    for (const step of undo.reverse()) attempt(step);
    throw error;
  }
}

/** Has the host judge by lists that come nearest to that of a client. */
function setLists(
  host: Host,
  { path = "", stat: { type, mode } }: ChangeTarget,
  { acl, undo }: {
    readonly acl: readonly Ace[];
    readonly undo: (() => void)[];
  },
): void {
  const { access, given } = hostListsOf(acl);
  const set = (kind: AclKind, list: AccessList | undefined) => {
    const before = host.accessList(path, kind);
    host.setAccessList(path, kind, list);
    undo.push(() => {
      host.setAccessList(path, kind, before);
      if (kind === "access") fs.chmodSync(path, mode);
    });
  };
  set("access", access);
  if (type === "directory") set("default", given);
}

/** Owner and group of what `path` leads to: a pinned path is a link that has to be followed. */
export function chown(
  host: Host,
  path: string,
  { uid, gid }: { uid: number; gid: number },
): void {
  if (host.pinsFolders) fs.chownSync(path, uid, gid);
  else fs.lchownSync(path, uid, gid);
}

/** Best effort: the error that made us undo is the one to tell. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Nothing more can be done.
  }
}
