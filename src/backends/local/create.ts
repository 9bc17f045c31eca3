import type { Awaitable } from "../../base/awaitable.ts";
import fs from "node:fs";
import { FsError } from "../../vfs/errors.ts";
import type {
  Created,
  CreateKind,
  CreateOptions,
} from "../../vfs/file_system.ts";
import { assertJudged } from "../../vfs/judged.ts";
import { inherited, SETGID, SETUID } from "../../vfs/permissions.ts";
import { applyChanges, chown } from "./attribute_changes.ts";
import { hostCode } from "../../base/host_error.ts";
import { type HostStat, isToldApart, type OpenFolder } from "./host.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

const ANY_MODE = 0o7777;
/** Seconds that a file system may keep between the times of what is new: FAT has some of two. */
const NEW_SECONDS = 2;
/** Inode numbers that are passed over for one that no removed file of the same birth had. */
const MOST_PASSED = 50;

/** What to make. */
export interface NewEntry extends CreateOptions {
  /** The type of the new node. */
  readonly kind: CreateKind;
}

/** See `FileSystem.create`. */
export function create(
  store: Store,
  at: { readonly directory: LocalNode; readonly name: string },
  entry: NewEntry,
): Awaitable<Created<LocalNode>> {
  const { directory, name } = at;
  const { verifier, judged } = entry;
  using _ = store.tree.moment.ending();
  store.tree.folders.open(directory);
  if (entry.kind.type === "file") store.files.assertKeepingUp();
  if (entry.kind.type === "directory") {
    store.tree.folders.assertRoomIn(directory);
  }
  const parent = store.stat(directory);
  assertJudged(judged, parent);
  if (verifier !== undefined) {
    const node = store.tree.lookup(directory, name);
    if (node !== undefined) {
      if (!store.verifiers.match(node, verifier)) throw new FsError("exists");
      // What is asked for again may not be on disk, for all that its maker was told.
      const change = store.unchanged(parent.change);
      return store.lasting({ node, change, created: false }, directory);
    }
  }
  const node = make(store, at, {
    kind: entry.kind,
    attributes: inherited(
      parent,
      entry.kind.type,
      withoutUmask(store, directory, entry),
    ),
  });
  if (verifier !== undefined) store.verifiers.keep(node, verifier);
  const change = store.changed(directory, parent, { added: name });
  const made = { node, change, created: true };
  // Some file systems (btrfs) have a file on disk with its name, and not its size.
  return entry.attributes.size
    ? store.lasting(made, directory, node)
    : store.lasting(made, directory);
}

/** An entry that was made, as the host tells of it. */
interface Made {
  readonly folder: OpenFolder;
  /** The descriptor of a file. */
  readonly fd: number | undefined;
  readonly stat: HostStat;
  readonly tag: number;
}

/**
 * Makes an entry that no handle of a removed file leads to. Where its inode number
 * is that of a file which was born in the same moment and is gone, the host gives
 * another one for as long as that is held open.
 */
function make(
  store: Store,
  at: { readonly directory: LocalNode; readonly name: string },
  entry: NewEntry,
): LocalNode {
  const passed: number[] = [];
  try {
    for (;;) {
      const made = makeChecked(store, at, entry);
      if (passed.length === MOST_PASSED || !isOfRemoved(store, made)) {
        return adopt(store, at, { made, entry });
      }
      try {
        passed.push(made.fd ?? store.host.pin(made.folder, at.name).fd);
      } finally {
        unmakeEntry(store, at, entry.kind);
      }
    }
  } finally {
    for (const fd of passed) if (fd >= 0) fs.closeSync(fd);
  }
}

/** Makes an entry, and looks whether it is what has the name, where that is all that leads to it. */
function makeChecked(
  store: Store,
  at: { readonly directory: LocalNode; readonly name: string },
  entry: NewEntry,
): Made {
  const fd = makeEntry(store, at, entry);
  let made: Made | undefined;
  try {
    made = lookAt(store, at, { fd, kind: entry.kind });
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    // Its client is told that there is none.
    unmakeEntry(store, at, entry.kind);
    throw error;
  }
  if (made !== undefined) return made;
  if (fd !== undefined) fs.closeSync(fd);
  throw new FsError("busy", "removed or replaced while it was made");
}

/** What the host tells of an entry that was just made; `undefined` where something else has its name. */
function lookAt(
  store: Store,
  at: { readonly directory: LocalNode; readonly name: string },
  made: { readonly fd: number | undefined; readonly kind: CreateKind },
): Made | undefined {
  const { tree, host } = store;
  const { fd } = made;
  const folder = tree.folders.open(at.directory);
  if (fd !== undefined && host.pinsFolders) {
    // It is what was made, whatever has its name by now.
    const stat = host.statFile(fd);
    return { folder, fd, stat, tag: host.tag({ fd, prefix: "" }, "", stat) };
  }
  const stat = tree.folders.entry(folder, at.name);
  if (stat === undefined || !isMade(store, stat, made)) return undefined;
  return { folder, fd, stat, tag: host.tag(folder, at.name, stat) };
}

/**
 * Whether a removed file had the same identity, and another inode number can be
 * had for the asking. Where nothing tells the uses of a number apart, that is so
 * of each number that is used again.
 */
function isOfRemoved({ tree }: Store, { stat, tag }: Made): boolean {
  return isToldApart(stat) && tree.table.isBuried(stat.fileid, tag);
}

/** The node of what was made, with all that it was to have. */
function adopt(
  store: Store,
  at: { readonly directory: LocalNode; readonly name: string },
  { made, entry }: { readonly made: Made; readonly entry: NewEntry },
): LocalNode {
  const { tree } = store;
  const { folder, fd, stat, tag } = made;
  const { directory, name } = at;
  const seen = { parent: directory, folder, name, tag };
  const node = tree.table.adopt(seen, stat);
  if (fd !== undefined) {
    store.files.hold(node, fd, "both").checkedAt = store.clock.now();
  }
  try {
    const { attributes } = entry;
    dress(store, node, { stat, fd, directory, attributes });
  } catch (error) {
    unmakeEntry(store, at, entry.kind);
    tree.bury(node);
    throw error;
  }
  return node;
}

/**
 * Whether what has the name now is what was made: a user of the host who moves
 * something else there must not be given that.
 */
function isMade(
  { host, tree }: Store,
  stat: HostStat,
  { fd, kind }: { readonly fd: number | undefined; readonly kind: CreateKind },
): boolean {
  if (fd === undefined) {
    const known = tree.table.get(stat.fileid);
    const isKnown = known !== undefined && !known.isGone && known.is(stat);
    return stat.type === kind.type && !isKnown && isNew(stat);
  }
  const { fileid, device } = host.statFile(fd);
  return stat.fileid === fileid && stat.device === device;
}

/**
 * Whether it may have come to be just now. To be moved or linked changes the ctime
 * of what is older, and of a fifo or a socket, a symlink or a folder there is no
 * descriptor that would tell it from another one.
 */
function isNew({ type, nlink, birthtime, mtime, ctime }: HostStat): boolean {
  if (nlink > (type === "directory" ? 2 : 1)) return false;
  const began = birthtime ?? mtime;
  return Math.abs(ctime.seconds - began.seconds) <= NEW_SECONDS;
}

/** Whether a folder has nothing in it, as one that was just made. */
function isEmpty({ host, tree }: Store, node: LocalNode): boolean {
  const parts = host.list(tree.folders.open(node));
  // A long one is read by another thread.
  if (typeof parts === "function") return false;
  for (const { names } of parts) if (names.length > 0) return false;
  return true;
}

/** Makes an entry of ours with the permission bits; returns the descriptor of a file. */
function makeEntry(
  { host, tree }: Store,
  { directory, name }: { directory: LocalNode; name: string },
  { kind, attributes }: NewEntry,
): number | undefined {
  const folder = tree.folders.open(directory);
  const at = { folder, name };
  const mode = attributes.mode & 0o777;
  switch (kind.type) {
    case "file": {
      const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
      return host.open(at, O_CREAT | O_EXCL | O_RDWR, mode);
    }
    case "directory":
      // Its maker must be able to look into it; it gets its mode later.
      return void host.makeFolder(at, mode | 0o700);
    case "symlink":
      if (kind.target === "") throw new FsError("invalid", "empty target");
      return void host.makeSymlink(at, kind.target);
    default:
      return void host.makeNode(folder, name, { ...kind, mode });
  }
}

/** Gives a new node what its maker could not: owner, group, special bits, size and times. */
function dress(
  store: Store,
  node: LocalNode,
  { stat, fd, directory, attributes }: {
    stat: HostStat;
    fd: number | undefined;
    directory: LocalNode;
    attributes: CreateOptions["attributes"];
  },
): void {
  const { uid, gid, size, atime, mtime, acl } = attributes;
  const mode = allowedMode(store, directory, { stat, mode: attributes.mode });
  const foreign = uid !== stat.uid || gid !== stat.gid;
  const remode = foreign || mode !== stat.mode;
  if (foreign && stat.type === "directory" && !isEmpty(store, node)) {
    throw new FsError("busy", "replaced while it was made");
  }
  if (
    !remode && size === undefined && atime === undefined &&
    mtime === undefined && acl === undefined
  ) return;
  store.tree.exactly(node, (path) => {
    const kept = foreign ? giveTo(store, path, { stat, uid, gid }) : ANY_MODE;
    const changes = { mode: remode ? mode & kept : undefined };
    const rest = { size, atime, mtime, acl };
    // A file that was just made grows at once, whatever its size: it is a hole.
    const resize = (size: number) => fs.ftruncateSync(fd!, size);
    const target = { path, resize, stat };
    applyChanges(store.host, target, { ...changes, ...rest });
  });
}

/** A client's umask holds but in a folder with a list for new files (RFC 8275 5). */
function withoutUmask(
  { lists }: Store,
  directory: LocalNode,
  { attributes, umask = 0 }: NewEntry,
): CreateOptions["attributes"] {
  const { mode } = attributes;
  if ((mode & umask) === 0 || lists?.isGiven(directory)) return attributes;
  return { ...attributes, mode: mode & ~umask };
}

/**
 * The mode without what the folder's list for new files has kept from it: the
 * host's umask alone is not meant for clients, who have their own.
 */
function allowedMode(
  { lists }: Store,
  directory: LocalNode,
  { stat, mode }: { readonly stat: HostStat; readonly mode: number },
): number {
  const kept = mode & 0o777 & ~stat.mode;
  if (kept === 0 || stat.type === "symlink") return mode;
  return lists?.isGiven(directory) ? mode & ~kept : mode;
}

/**
 * How hosts say that a file stays whose it is: to an ordinary user; of a user who has
 * no number in this user namespace, as in a container; by sshfs; and of file
 * systems without owners.
 */
const KEPT: ReadonlySet<string | undefined> = new Set([
  "EPERM",
  "EINVAL",
  "EOVERFLOW",
  "EACCES",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
]);

/**
 * An ordinary user can't give files away: they stay its own, with the group if
 * it is one of its. Returns the bits of a mode that are good for its present
 * owner: a program of another user must not run as this process's user.
 */
function giveTo(
  { host }: Store,
  path: string,
  { stat, uid, gid }: { stat: HostStat; uid: number; gid: number },
): number {
  const owners = [
    { uid, gid, kept: ANY_MODE },
    { uid: stat.uid, gid, kept: ANY_MODE & ~SETUID },
  ];
  for (const { kept, ...owner } of owners) {
    try {
      chown(host, path, owner);
      return kept;
    } catch (error) {
      if (!KEPT.has(hostCode(error))) throw error;
    }
  }
  if (stat.type === "directory") return ANY_MODE;
  return ANY_MODE & ~(uid === stat.uid ? SETGID : SETUID | SETGID);
}

/** Removes what was made, after a later step failed. */
function unmakeEntry(
  { host, tree }: Store,
  { directory, name }: { readonly directory: LocalNode; readonly name: string },
  kind: CreateKind,
): void {
  const at = { folder: tree.folders.open(directory), name };
  try {
    if (kind.type === "directory") host.removeFolder(at);
    else host.removeFile(at);
  } catch (error) {
    // Another process was quicker, or has put something into the new folder.
    if (hostCode(error) === undefined && !(error instanceof FsError)) {
      throw error;
    }
  }
}
