import fs from "node:fs";
import { FsError } from "../../vfs/errors.ts";
import type {
  DeviceNumber,
  FileType,
  Timestamp,
} from "../../vfs/file_system.ts";
import { systemWallClock } from "../../base/wall_clock.ts";
import { hostCode } from "../../base/host_error.ts";
import type { HostRanges } from "../common/file_ranges.ts";
import type { HostClones } from "./clone_calls.ts";
import { deviceNumber } from "./device_numbers.ts";
import { renameLater, rmdirLater } from "./later_calls.ts";
import { PacedReads } from "../common/cached_reads.ts";
import type { AccessList } from "../../vfs/access_list.ts";
import type { AclKind } from "./acl_calls.ts";
import { isOfOneFile } from "./errno.ts";
import type { XattrCalls } from "./xattr_calls.ts";
import type { FileWatch, FolderWatch } from "./inotify.ts";
import {
  birthHash,
  type FolderParts,
  type Host,
  type HostListing,
  type HostName,
  type HostStat,
  type NewTime,
  type OpenFolder,
  typeOfMode,
} from "./host.ts";

/** Linux: a descriptor that only names a file. node:fs has no word for it. */
const O_PATH = 0x200000;
const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
/** Furthest moment that a Date can be, in milliseconds from 1970. */
const MAX_DATE = 8.64e15;
/** A folder of this size in bytes has a thousand entries or so, on most file systems. */
const MAX_SYNC_FOLDER = 32 * 1024;
/** Entries of a folder that are handed on at a time. */
const BATCH = 500;

/** What a host can't do that has to step into a mount to tell that it is one. */
export const HANGING_MOUNTS = "no guard against mounts below that hang";

/**
 * What Deno's own calls can do. On Linux a folder is pinned by a descriptor and
 * its entries are reached through `/proc/self/fd`, which stands in for openat;
 * elsewhere, or where Deno may not read /proc, paths have to do.
 */
export class PortableHost implements Host {
  readonly pinsFolders: boolean;
  readonly rawNames: boolean = false;
  readonly seesLayers: boolean = false;
  readonly canWatch: boolean = false;
  readonly limitations: readonly string[] = [
    "times in milliseconds",
    "no fifos, sockets and devices",
    "no names that are not UTF-8",
    "no delegations",
    "no access lists (ACLs)",
    "no removal of large files beside other work",
    HANGING_MOUNTS,
  ];
  // Deno sets times as whole milliseconds.
  readonly timeDelta: number = 1_000_000;

  readonly #reads = new PacedReads();

  get ranges(): HostRanges | undefined {
    return undefined;
  }

  get clones(): HostClones | undefined {
    return undefined;
  }

  get canSyncAll(): boolean {
    return false;
  }

  get hasAccessLists(): boolean {
    return false;
  }

  get xattrs(): XattrCalls | undefined {
    return undefined;
  }

  /** Deno cuts ctime to whole seconds. */
  get tick(): number {
    return 1_000_000;
  }

  constructor() {
    this.pinsFolders = Deno.build.os === "linux" && procWorks();
  }

  openRoot(path: string): OpenFolder {
    if (!this.pinsFolders) return { fd: -1, prefix: `${path}/` };
    return this.#pinned(fs.openSync(path, O_PATH | O_DIRECTORY));
  }

  openFolder(parent: OpenFolder, name: string): OpenFolder {
    const path = parent.prefix + name;
    if (!this.pinsFolders) return { fd: -1, prefix: `${path}/` };
    return this.#pinned(fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }

  #pinned(fd: number): OpenFolder {
    return { fd, prefix: `/proc/self/fd/${fd}/` };
  }

  open({ folder, name }: HostName, flags: number, mode?: number): number {
    return fs.openSync(folder.prefix + name, flags | O_NOFOLLOW, mode);
  }

  makeFolder({ folder, name }: HostName, mode: number): void {
    fs.mkdirSync(folder.prefix + name, { mode });
  }

  makeSymlink({ folder, name }: HostName, target: string): void {
    try {
      fs.symlinkSync(target, folder.prefix + name);
    } catch (error) {
      // Deno has them made by who may read and write everywhere, as they lead there.
      if (error instanceof Deno.errors.NotCapable) {
        throw new FsError("not-supported", error.message);
      }
      throw error;
    }
  }

  readLink({ folder, name }: HostName): string {
    try {
      return fs.readlinkSync(folder.prefix + name);
    } catch (error) {
      if (!(error instanceof Deno.errors.InvalidData)) throw error;
      // Bytes that are no UTF-8: Deno has no string for them.
      throw new FsError("io", error.message);
    }
  }

  link(from: HostName, to: HostName): void {
    fs.linkSync(from.folder.prefix + from.name, to.folder.prefix + to.name);
  }

  rename(from: HostName, to: HostName): void {
    fs.renameSync(from.folder.prefix + from.name, to.folder.prefix + to.name);
  }

  removeFile({ folder, name }: HostName): void {
    fs.unlinkSync(folder.prefix + name);
  }

  removeFolder({ folder, name }: HostName): void {
    fs.rmdirSync(folder.prefix + name);
  }

  removeFolderLater({ folder, name }: HostName): Promise<void> {
    return rmdirLater(folder.prefix + name);
  }

  replaceFolderLater(from: HostName, to: HostName): Promise<void> {
    const target = to.folder.prefix + to.name;
    return renameLater(from.folder.prefix + from.name, target);
  }

  folderPath(folder: OpenFolder): string {
    return this.pathOf(folder.fd) ?? `${folder.prefix}.`;
  }

  closeFolder(folder: OpenFolder): void {
    if (folder.fd >= 0) fs.closeSync(folder.fd);
  }

  stat(folder: OpenFolder, name: string): HostStat | "mounted" | undefined {
    try {
      return fromDeno(Deno.lstatSync(folder.prefix + name));
    } catch (error) {
      const code = hostCode(error);
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw error;
    }
  }

  statFolder(folder: OpenFolder): HostStat {
    // A descriptor's path is a link of /proc that has to be followed.
    return fromDeno(
      this.pinsFolders
        ? Deno.statSync(this.folderPath(folder))
        : Deno.lstatSync(this.folderPath(folder)),
    );
  }

  /** Waits for a disk that is quick: this host can't tell. */
  readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined {
    return this.#reads.readCached(fd, buffer, offset);
  }

  get writeLater(): Host["writeLater"] {
    return undefined;
  }

  isReadFirst(_fd: number, _start: number, _end: number): boolean {
    return this.#reads.isReadFirst();
  }

  statFile(fd: number): HostStat {
    const path = this.pathOf(fd);
    return path === undefined
      ? fromNode(fs.fstatSync(fd))
      : fromDeno(Deno.statSync(path));
  }

  tag(_folder: OpenFolder, _name: string, stat: HostStat): number {
    return birthHash(stat) >>> 0;
  }

  list(folder: OpenFolder): FolderParts {
    const path = this.folderPath(folder);
    // Deno hands over a folder as a whole: a large one is read by another thread.
    return this.statFolder(folder).size > MAX_SYNC_FOLDER
      ? async () =>
        this.#batches(folder, await Array.fromAsync(Deno.readDir(path)))
      : this.#batches(folder, Deno.readDirSync(path));
  }

  *#batches(
    folder: OpenFolder,
    entries: Iterable<Deno.DirEntry>,
  ): Generator<HostListing, void> {
    let names: string[] = [];
    for (const { name } of entries) {
      // Deno puts U+FFFD for bytes that aren't UTF-8: such a name leads nowhere.
      if (name.includes("\uFFFD") && !this.#leadsTo(folder, name)) continue;
      names.push(name);
      if (names.length < BATCH) continue;
      yield { names, inodes: [], folders: [] };
      names = [];
    }
    yield { names, inodes: [], folders: [] };
  }

  /** Whether a name leads to an entry that the host lets us look at. */
  #leadsTo(folder: OpenFolder, name: string): boolean {
    try {
      return this.stat(folder, name) !== undefined;
    } catch (error) {
      if (isOfOneFile(error)) return false;
      throw error;
    }
  }

  pin(folder: OpenFolder, name: string): { fd: number; path: string } {
    const path = folder.prefix + name;
    if (!this.pinsFolders) return { fd: -1, path };
    const fd = fs.openSync(path, O_PATH | O_NOFOLLOW);
    return { fd, path: `/proc/self/fd/${fd}` };
  }

  pathOf(fd: number): string | undefined {
    return this.pinsFolders ? `/proc/self/fd/${fd}` : undefined;
  }

  closeLater(_fd: number): Promise<void> | undefined {
    // Deno closes what it has opened on the event loop, also where it calls back.
    return undefined;
  }

  syncAll(_fd: number): Promise<void> {
    throw new FsError("not-supported");
  }

  setTimes(path: string, atime: NewTime, mtime: NewTime): void {
    // A pinned path is a link of /proc that has to be followed, to its one file.
    const stat = this.pinsFolders ? Deno.statSync(path) : Deno.lstatSync(path);
    const access = toDate(atime, stat.atime);
    const modification = toDate(mtime, stat.mtime);
    if (this.pinsFolders) Deno.utimeSync(path, access, modification);
    else fs.lutimesSync(path, access, modification);
  }

  makeNode(
    _folder: OpenFolder,
    _name: string,
    node: { type: FileType; mode: number; rdev?: DeviceNumber },
  ): void {
    throw new FsError("not-supported", `${node.type} without mknodat`);
  }

  setNote(_fd: number, _note: Uint8Array): boolean {
    return false;
  }

  getNote(_folder: OpenFolder, _name: string): Uint8Array | undefined {
    return undefined;
  }

  accessList(_path: string, _kind: AclKind): AccessList | undefined {
    return undefined;
  }

  setAccessList(
    _path: string,
    _kind: AclKind,
    _list: AccessList | undefined,
  ): void {
    throw new FsError("not-supported");
  }

  watchFiles(): FileWatch | undefined {
    return undefined;
  }

  watchFolders(): FolderWatch | undefined {
    return undefined;
  }

  close(): void {}
}

function procWorks(): boolean {
  try {
    return Deno.lstatSync("/proc/self/fd/.").isDirectory;
  } catch {
    return false;
  }
}

function toDate(time: NewTime, now: Date | null): Date {
  if (time === undefined) return now ?? new Date(systemWallClock());
  if (time === "now") return new Date(systemWallClock());
  const ms = time.seconds * 1000 + Math.floor(time.nanoseconds / 1_000_000);
  // As the host does with what its file system can't keep.
  return new Date(Math.max(-MAX_DATE, Math.min(MAX_DATE, ms)));
}

function fromDate(date: Date | null): Timestamp {
  const milliseconds = date?.getTime() ?? 0;
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanoseconds: (milliseconds - seconds * 1000) * 1_000_000 };
}

function fromDeno(info: Deno.FileInfo): HostStat {
  return fromParts(info, info.mode ?? 0, info.birthtime);
}

function fromNode(info: fs.Stats): HostStat {
  const birth = info.birthtimeMs > 0 ? info.birthtime : null;
  return fromParts(info, info.mode, birth);
}

interface StatParts {
  dev: number;
  ino: number | null;
  nlink: number | null;
  uid: number | null;
  gid: number | null;
  rdev: number | null;
  size: number;
  blocks: number | null;
  atime: Date | null;
  mtime: Date | null;
  ctime: Date | null;
}

function fromParts(
  info: StatParts,
  mode: number,
  birth: Date | null,
): HostStat {
  const type = typeOfMode(mode);
  const device = type.endsWith("device");
  return {
    type,
    mode: mode & 0o7777,
    nlink: info.nlink ?? 1,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    size: info.size,
    used: (info.blocks ?? 0) * 512,
    fileid: info.ino ?? 0,
    ...(device ? { rdev: deviceNumber(info.rdev ?? 0) } : {}),
    change: 0,
    atime: fromDate(info.atime),
    mtime: fromDate(info.mtime),
    ctime: fromDate(info.ctime),
    ...(birth === null ? {} : { birthtime: fromDate(birth) }),
    device: info.dev,
    mountRoot: false,
  };
}
