import type {
  DeviceNumber,
  FileAttributes,
  FileType,
  Timestamp,
} from "../../vfs/file_system.ts";

import type { HostRanges } from "../common/file_ranges.ts";
import type { HostClones } from "./clone_calls.ts";
import type { HostWriter } from "../common/transfers.ts";
import type { AccessList, Listed } from "../../vfs/access_list.ts";
import type { AclKind } from "./acl_calls.ts";
import type { FileWatch, FolderWatch } from "./inotify.ts";
import type { XattrCalls } from "./xattr_calls.ts";

/** A folder that is open: entries are reached as `prefix + name`. */
export interface OpenFolder {
  /** A descriptor that pins the folder, -1 where the host offers none. */
  readonly fd: number;
  /** What to put before a name; `prefix + "."` is the folder itself. */
  readonly prefix: string;
}

/** A name in an open folder. */
export interface HostName {
  readonly folder: OpenFolder;
  /** The name in it. */
  readonly name: string;
}

/** What the host tells of a file: its attributes, but for the change counter. */
export interface HostStat extends FileAttributes, Listed {
  /** Filled in by the file system. */
  change: number;
  /** Tells it from earlier and later files of its inode number, where its file system tells no birth. */
  incarnation?: number | undefined;
  /** Number of the device that holds it. */
  readonly device: number;
  /** Something else is mounted here. */
  readonly mountRoot: boolean;
}

/** Some of what a folder holds, as columns; `inodes` and `folders` are empty where the host doesn't tell. */
export interface HostListing {
  /** Names in no order; only such as the host's other calls take. */
  readonly names: string[];
  readonly inodes: number[];
  /** 1 for a folder, 0 for something else, -1 where a stat has to tell. */
  readonly folders: number[];
}

/** Parts of a folder, each read when it is asked for, on the event loop or by another thread. */
export type FolderBatches = Iterable<HostListing> | AsyncIterable<HostListing>;

/** Parts of a folder that are read on the event loop; or what has another thread read all of it, or one part after the other. */
export type FolderParts =
  | Iterable<HostListing>
  | (() => Promise<FolderBatches>);

/** A time to set; `undefined` leaves it as it is. */
export type NewTime = Timestamp | "now" | undefined;

/** What a host is without that finds folders by their paths. */
export const UNPINNED = "no guard against users who swap a folder for a link";

/**
 * The calls that differ by what the host offers. Paths are made of an
 * {@linkcode OpenFolder} and one name, so that nothing but the last component
 * is ever looked up, and that is never followed.
 */
export interface Host extends HostWriter {
  /** Whether folders are held by descriptors: then no process can swap one under us. */
  readonly pinsFolders: boolean;
  /** Whether the files of a folder of layers are told apart; see `overlay_host.ts`. */
  readonly seesLayers: boolean;
  /** How long ctime may stand still between two changes, in microseconds. */
  readonly tick: number;
  /** Whether names and targets of symlinks may be any bytes, as `src/base/raw_names.ts` has them. */
  readonly rawNames: boolean;
  /** What this host can't do and another could, for the user. */
  readonly limitations: readonly string[];
  /** Smallest difference between times that can be set, in nanoseconds. */
  readonly timeDelta: number;
  /** Opens a folder by its path. */
  openRoot(path: string): OpenFolder;
  /** Opens a folder in another; the caller checks that it is the one it wants. */
  openFolder(parent: OpenFolder, name: string): OpenFolder;
  /** Opens a file, never through a symlink, by flags of open(2); a new one gets `mode`. */
  open(at: HostName, flags: number, mode?: number): number;
  /** Makes a folder. */
  makeFolder(at: HostName, mode: number): void;
  /** Makes a symlink. */
  makeSymlink(at: HostName, target: string): void;
  /** What a symlink says. */
  readLink(at: HostName): string;
  /** Gives a file another name. */
  link(from: HostName, to: HostName): void;
  /** Moves an entry. */
  rename(from: HostName, to: HostName): void;
  /** Removes an entry that is no folder. */
  removeFile(at: HostName): void;
  /** Removes an empty folder that none can have looked into. */
  removeFolder(at: HostName): void;
  /**
   * Removes an empty folder by another thread: the host goes through all blocks that
   * it ever had, and through all names that were looked for there.
   */
  removeFolderLater(at: HostName): Promise<void>;
  /** Moves a folder to the name of another, which is removed in the same way. */
  replaceFolderLater(from: HostName, to: HostName): Promise<void>;
  /** A path to a folder itself, on which no right to what is in it is asked for. */
  folderPath(folder: OpenFolder): string;
  /** Ends `openFolder`. */
  closeFolder(folder: OpenFolder): void;
  /**
   * Attributes of an entry, symlinks not followed; `undefined` where there is none,
   * "mounted" where the host can tell without a look that another file system is.
   */
  stat(folder: OpenFolder, name: string): HostStat | "mounted" | undefined;
  /** Attributes of the folder itself. */
  statFolder(folder: OpenFolder): HostStat;
  /** Attributes of an open file. */
  statFile(fd: number): HostStat;
  /** 32 bits that tell this use of the inode number from other ones; name "" is the folder itself. */
  tag(folder: OpenFolder, name: string, stat: HostStat): number;
  /**
   * Everything in a folder, some hundred entries at a time, so that the caller
   * can stop in between in a large one. Ending early closes what is open for
   * it. Where another thread is to read it: what has it do so.
   */
  list(folder: OpenFolder): FolderParts;
  /** Closes an open file by another thread; `undefined` where the host can't, and has not. */
  closeLater(fd: number): Promise<void> | undefined;
  /** Room and holes of files; `undefined` where the host has no words for them. */
  readonly ranges: HostRanges | undefined;
  /** Files that share blocks; `undefined` where the file system in the root has none. */
  readonly clones: HostClones | undefined;
  /** Whether {@linkcode Host.syncAll} can be called. */
  readonly canSyncAll: boolean;
  /** Makes all durable that is in the file system of an open file, by another thread. */
  syncAll(fd: number): Promise<void>;
  /** Pins an entry, and names a path that leads to it and nothing else. */
  pin(folder: OpenFolder, name: string): { fd: number; path: string };
  /** A path that leads to an open file; `undefined` where the host has none. */
  pathOf(fd: number): string | undefined;
  /** Sets times of what `path` (from `pin` or `pathOf`) leads to. */
  setTimes(path: string, atime: NewTime, mtime: NewTime): void;
  /** Makes a fifo, socket or device; "not-supported" where the host can't. */
  makeNode(
    folder: OpenFolder,
    name: string,
    node: { type: FileType; mode: number; rdev?: DeviceNumber },
  ): void;
  /** Keeps a few bytes with an open file; false where the host can't. */
  setNote(fd: number, note: Uint8Array): boolean;
  /** What `setNote` kept with the file of a name. */
  getNote(folder: OpenFolder, name: string): Uint8Array | undefined;
  /** Whether the host tells access lists of the files in the root that was opened. */
  readonly hasAccessLists: boolean;
  /** The access list of what `path` (from `pin`, `pathOf` or `folderPath`) leads to; `undefined` where it has none. */
  accessList(path: string, kind: AclKind): AccessList | undefined;
  /** Sets that list, or takes it away. */
  setAccessList(
    path: string,
    kind: AclKind,
    list: AccessList | undefined,
  ): void;
  /** The host's extended attributes, by paths as above; `undefined` where the root that was opened can't have any. */
  readonly xattrs: XattrCalls | undefined;
  /** Whether the host tells of changes at all. */
  readonly canWatch: boolean;
  /** What tells of changes to files; `undefined` where the host has no such thing, or no more of it. */
  watchFiles(): FileWatch | undefined;
  /** The same for what is in folders. */
  watchFolders(): FolderWatch | undefined;
  /** The host's calls are no longer needed. */
  close(): void;
}

/** The type bits of a mode. */
export const MODE_TYPES = {
  fifo: 0o010000,
  "character-device": 0o020000,
  directory: 0o040000,
  "block-device": 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const satisfies Record<FileType, number>;

const TYPE_NAMES = new Map<number, FileType>(
  Object.entries(MODE_TYPES).map(([type, bits]) => [bits, type as FileType]),
);

/** The type that a mode with its type bits tells. */
export function typeOfMode(mode: number): FileType {
  return TYPE_NAMES.get(mode & 0o170000) ?? "file";
}

/** Mixes 32 bits into a hash (FNV-1a, word by word). */
export function mix(hash: number, word: number): number {
  hash = Math.imul(hash ^ (word & 0xffff), 0x01000193);
  return Math.imul(hash ^ (word >>> 16), 0x01000193);
}

/** A hash of the moment of birth: inode numbers are used again, moments are not. */
export function birthHash(stat: HostStat): number {
  const birth = stat.birthtime;
  if (birth === undefined) return 0;
  return mix(mix(0x811c9dc5, birth.seconds | 0), birth.nanoseconds);
}

/** Whether its file system tells one use of an inode number from others: by a birth, or by an incarnation. */
export function isToldApart({ birthtime, incarnation }: HostStat): boolean {
  return birthtime !== undefined || incarnation !== undefined;
}
