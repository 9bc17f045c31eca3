import {
  type AttributeChanges,
  type ChangeInfo,
  type CreateKind,
  type DeviceNumber,
  type FileAttributes,
  type FileType,
  FsError,
  type Timestamp,
} from "../../vfs/mod.ts";
import { accessListHolder } from "../../vfs/access_list.ts";
import type { AclHolder } from "../../vfs/acl.ts";
import type { Directory } from "./directory.ts";
import type { FileContent } from "../common/file_content.ts";
import type { Xattrs } from "./xattrs.ts";

/** What a folder says its size is: programs expect something, not nothing. */
const DIRECTORY_SIZE = 4096;
const encoder = new TextEncoder();

/** A file, folder or other node of a memory file system: its live attributes. */
export class MemoryNode implements FileAttributes {
  /** The type of the file. */
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  /** Number of hard links. */
  nlink: number;
  /** Owner. */
  uid: number;
  /** Owning group. */
  gid: number;
  /** Size in bytes. */
  size: number;
  /** Bytes of memory that the content takes. */
  used = 0;
  /** Number of the file. */
  readonly fileid: number;
  /** Of a device node only. */
  readonly rdev: DeviceNumber | undefined;
  /** Grows with every change. */
  change = 1;
  /** Last access to the content. */
  atime: Timestamp;
  /** Last change of the content. */
  mtime: Timestamp;
  /** Last change of content or attributes. */
  ctime: Timestamp;
  /** Creation. */
  birthtime: Timestamp;
  /** @internal Its access list, where the mode does not say it all. */
  [accessListHolder]: AclHolder | undefined = undefined;
  /** @internal Its identity, once it was asked for: making one costs half a microsecond. */
  identity: Uint8Array | undefined = undefined;
  /** @internal The bytes of a file. */
  content: FileContent | undefined = undefined;
  /** @internal Its extended attributes, once it has had one. */
  xattrs: Xattrs | undefined = undefined;
  /** @internal The entries of a folder. */
  directory: Directory | undefined = undefined;
  /** @internal The target of a symlink. */
  readonly target: string | undefined;
  /** @internal The verifier of an exclusive create. */
  verifier: Uint8Array | undefined = undefined;
  /** @internal How many opens have not been closed. */
  opens = 0;
  /** @internal Removed, and no longer open. */
  isGone = false;

  /** @internal A node that has no name yet. */
  constructor(
    fileid: number,
    kind: CreateKind,
    options: { mode: number; uid: number; gid: number; now: Timestamp },
  ) {
    this.fileid = fileid;
    this.type = kind.type;
    this.rdev = "rdev" in kind ? { ...kind.rdev } : undefined;
    this.target = "target" in kind ? kind.target : undefined;
    this.nlink = kind.type === "directory" ? 2 : 1;
    this.size = sizeOf(kind);
    this.mode = options.mode & 0o7777;
    this.uid = options.uid;
    this.gid = options.gid;
    this.atime =
      this.mtime =
      this.ctime =
      this.birthtime =
        options.now;
  }
}

function sizeOf(kind: CreateKind): number {
  if ("target" in kind) return encoder.encode(kind.target).length;
  return kind.type === "directory" ? DIRECTORY_SIZE : 0;
}

/** Throws "stale" when the node is gone. */
export function assertLive(node: MemoryNode): void {
  if (node.isGone) throw new FsError("stale");
}

/** The entries of a folder; throws "stale" or "not-directory". */
export function entriesOf(node: MemoryNode): Directory {
  assertLive(node);
  if (node.directory === undefined) throw new FsError("not-directory");
  return node.directory;
}

/** The content of a file; throws "stale", "is-directory" or "wrong-type". */
export function contentOf(node: MemoryNode): FileContent {
  assertLive(node);
  if (node.content === undefined) throw notAFile(node.type);
  return node.content;
}

/** Throws where a node of that type can't be given that size. */
export function checkSize(type: FileType, size: number): void {
  if (type !== "file") throw notAFile(type);
  if (size > Number.MAX_SAFE_INTEGER) throw new FsError("too-big");
  if (!(Number.isInteger(size) && size >= 0)) throw new FsError("invalid");
}

function notAFile(type: FileType): FsError {
  return new FsError(type === "directory" ? "is-directory" : "wrong-type");
}

/** Sets what `changes` names; the caller has checked that it can be set. */
export function applyChanges(
  node: MemoryNode,
  changes: AttributeChanges,
  now: Timestamp,
): void {
  const { mode, uid, gid, size, atime, mtime, birthtime } = changes;
  if (mode !== undefined) node.mode = mode & 0o7777;
  if (uid !== undefined) node.uid = uid;
  if (gid !== undefined) node.gid = gid;
  if (size !== undefined) {
    node.content!.resize(size);
    node.mtime = now;
    updateSize(node);
  }
  if (atime !== undefined) node.atime = atime === "now" ? now : { ...atime };
  if (mtime !== undefined) node.mtime = mtime === "now" ? now : { ...mtime };
  if (birthtime !== undefined) node.birthtime = { ...birthtime };
}

/** Brings the attributes of a file up to its content. */
export function updateSize(node: MemoryNode): void {
  node.size = node.content!.size;
  node.used = node.content!.used;
}

/** The content of a file has changed, and its size with it, maybe. */
export function contentChanged(node: MemoryNode, now: Timestamp): void {
  updateSize(node);
  node.mtime = now;
  changed(node, now);
}

/** Counts a change of content or attributes. */
export function changed(node: MemoryNode, now: Timestamp): void {
  node.ctime = now;
  node.change++;
}

/** Nothing was changed. */
export function unchanged({ change }: MemoryNode): ChangeInfo {
  return { atomic: true, before: change, after: change };
}

/**
 * The content was looked at. As with Linux's relatime, atime moves only when it
 * is not newer than the last change: a file that is read again and again costs
 * no clock and no garbage. The change counter stands still, or every reader
 * would throw its cache away (RFC 8881 5.8.1.4).
 */
export function accessed(node: MemoryNode, now: () => Timestamp): void {
  if (isLater(node.atime, node.mtime) && isLater(node.atime, node.ctime)) {
    return;
  }
  node.atime = now();
}

function isLater(a: Timestamp, b: Timestamp): boolean {
  return a.seconds > b.seconds ||
    (a.seconds === b.seconds && a.nanoseconds > b.nanoseconds);
}
