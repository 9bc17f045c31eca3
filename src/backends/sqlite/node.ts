import type {
  ChangeInfo,
  CreateKind,
  DeviceNumber,
  FileAttributes,
  FileType,
  Timestamp,
} from "../../vfs/mod.ts";
import { FsError } from "../../vfs/mod.ts";
import { accessListHolder } from "../../vfs/access_list.ts";
import type { StoredList } from "./access_lists.ts";
import type { Unsynced } from "./unsynced.ts";

/** What a folder says its size is: programs expect something, not nothing. */
const DIRECTORY_SIZE = 4096;
const encoder = new TextEncoder();

/** A row of `inodes`, in the order of its columns. */
export type NodeRow = [
  fileid: number,
  type: FileType,
  mode: number,
  nlink: number,
  uid: number,
  gid: number,
  size: number,
  used: number,
  change: number,
  atime: number,
  atimeNs: number,
  mtime: number,
  mtimeNs: number,
  ctime: number,
  ctimeNs: number,
  birth: number,
  birthNs: number,
  outside: number,
  parent: number | null,
  major: number | null,
  minor: number | null,
  target: string | null,
  verifier: Uint8Array | null,
  listed: number,
  ranges: number,
  shared: number,
];

/** A row that begins with that of a node, of whatever it was read together with. */
export type BeginsWithNode = readonly [...NodeRow, ...unknown[]];

/** The attributes that change during a node's life, as they go into its row. */
export interface MutableAttributes {
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  /** Owner. */
  uid: number;
  /** Owning group. */
  gid: number;
  /** Size in bytes. */
  size: number;
  /** Bytes occupied in the store. */
  used: number;
  /** The change counter. */
  change: number;
  /** Last access to the content. */
  atime: Timestamp;
  /** Last change of the content. */
  mtime: Timestamp;
  /** Last change of content or attributes. */
  ctime: Timestamp;
  /** Creation. */
  birthtime: Timestamp;
  /** Number of the content beside the database; 0 when it is in it. */
  outside: number;
  /** How many ranges are in shared contents, and not in that one. */
  ranges: number;
  /** Bytes that they take, at most: a part of `used`. */
  shared: number;
}

/** A file, folder or other node of a store, with its attributes; see `NodeTable.live`. */
export class SqliteNode implements FileAttributes, MutableAttributes {
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
  /** Bytes occupied in the store. */
  used: number;
  /** Number of the file; never another's. */
  readonly fileid: number;
  /** Of a device node only. */
  readonly rdev: DeviceNumber | undefined;
  /** Grows with every change. */
  change: number;
  /** Last access to the content. */
  atime: Timestamp;
  /** Last change of the content. */
  mtime: Timestamp;
  /** Last change of content or attributes. */
  ctime: Timestamp;
  /** Creation. */
  birthtime: Timestamp;
  /** @internal Number of the content beside the database; 0 when it is in it. */
  outside: number;
  /** @internal How many ranges are in shared contents, and not in that one. */
  ranges: number;
  /** @internal Bytes that they take, at most. */
  shared: number;
  /** @internal Of a folder: the number of the folder that it is in; the root's is its own. */
  parent: number | undefined;
  /** @internal The target of a symlink. */
  readonly target: string | undefined;
  /** @internal The verifier of an exclusive create. */
  readonly verifier: Uint8Array | undefined;
  /** @internal Its access list, where it has one; see `NodeTable`. */
  [accessListHolder]: StoredList | undefined = undefined;
  /** @internal Its identity, once it was asked for. */
  identity: Uint8Array | undefined = undefined;
  /** @internal How many opens have not been closed. */
  opens = 0;
  /** @internal Removed, and no longer open. */
  isGone = false;
  /** @internal It has left memory, and what it says may be out of date. */
  isForgotten = false;
  /** @internal How often bytes of its own content were given back that others lie over. */
  givenBack = 0;
  /** @internal What is known of the content beside the database, once that was used. */
  extent: Extent | undefined = undefined;

  /** @internal The node of a row. */
  constructor(row: BeginsWithNode) {
    this.fileid = row[0];
    this.type = row[1];
    this.mode = row[2];
    this.nlink = row[3];
    this.uid = row[4];
    this.gid = row[5];
    this.size = row[6];
    this.used = row[7];
    this.change = row[8];
    this.atime = { seconds: row[9], nanoseconds: row[10] };
    this.mtime = { seconds: row[11], nanoseconds: row[12] };
    this.ctime = { seconds: row[13], nanoseconds: row[14] };
    this.birthtime = { seconds: row[15], nanoseconds: row[16] };
    this.outside = row[17];
    this.parent = row[18] ?? undefined;
    this.rdev = row[19] === null || row[20] === null
      ? undefined
      : { major: row[19], minor: row[20] };
    this.target = row[21] ?? undefined;
    this.verifier = row[22] ?? undefined;
    this.ranges = row[24];
    this.shared = row[25];
  }
}

/** What is known of a content beside the database. */
export interface Extent {
  readonly number: number;
  /** It is not longer than the file's size: a crash can leave a tail that no client wrote. */
  isTrimmed: boolean;
  /** It is known to have all that the file's row has counted. */
  isWhole: boolean;
  /** Once what was decided so far is durable, it is to be cut to this many bytes. */
  cut: number | undefined;
  /**
   * Resolves when it is cut, where another thread is at that: what reads or changes
   * it meanwhile waits for it, or the host would keep the event loop for as long.
   */
  cutting: Promise<void> | undefined;
  /** What was done to it since it was last brought to disk. */
  readonly unsynced: Unsynced;
}

/** What a new node is made of. */
export interface NewNode {
  readonly fileid: number;
  /** Its type, target or device number. */
  readonly kind: CreateKind;
  /** Its first change number. */
  readonly change: number;
  /** All its times. */
  readonly now: Timestamp;
  /** The folder that it is made in. */
  readonly parent: number;
  /** Permission bits. */
  readonly mode: number;
  /** Owner. */
  readonly uid: number;
  /** Owning group. */
  readonly gid: number;
  /** Whether it has an access list. */
  readonly isListed?: boolean;
  /** Of an exclusive create. */
  readonly verifier?: Uint8Array | undefined;
}

/**
 * Tells of what was found in the content of a file, once that was waited for, whether
 * it may be neither what the file had nor what it has: bytes there were given back
 * meanwhile, as others are over them.
 */
export function noteGivenBack(file: SqliteNode): (now: SqliteNode) => boolean {
  const { change, givenBack } = file;
  return (now) =>
    // One that has left memory does not know how often that was.
    now === file ? now.givenBack !== givenBack : now.change !== change;
}

/** The row of a new node. */
export function rowOf(made: NewNode): NodeRow {
  const { kind, now: { seconds, nanoseconds } } = made;
  const isDirectory = kind.type === "directory";
  const rdev = "rdev" in kind ? kind.rdev : undefined;
  return [
    made.fileid,
    kind.type,
    made.mode & 0o7777,
    isDirectory ? 2 : 1,
    made.uid,
    made.gid,
    sizeOf(kind),
    0,
    made.change,
    seconds,
    nanoseconds,
    seconds,
    nanoseconds,
    seconds,
    nanoseconds,
    seconds,
    nanoseconds,
    0,
    isDirectory ? made.parent : null,
    rdev?.major ?? null,
    rdev?.minor ?? null,
    "target" in kind ? kind.target : null,
    made.verifier?.slice() ?? null,
    made.isListed ? 1 : 0,
    0,
    0,
  ];
}

function sizeOf(kind: CreateKind): number {
  if ("target" in kind) return encoder.encode(kind.target).length;
  return kind.type === "directory" ? DIRECTORY_SIZE : 0;
}

/** The error for what only a regular file can do. */
export function notAFile(type: FileType): FsError {
  return new FsError(type === "directory" ? "is-directory" : "wrong-type");
}

/** What an operation tells of a node that it has left as it was. */
export function unchanged({ change }: SqliteNode): ChangeInfo {
  return { atomic: true, before: change, after: change };
}

/** Whether `a` is later than `b`. */
export function isLater(a: Timestamp, b: Timestamp): boolean {
  return a.seconds > b.seconds ||
    (a.seconds === b.seconds && a.nanoseconds > b.nanoseconds);
}
