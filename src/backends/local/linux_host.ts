import { fileSystemType } from "./file_system_type.ts";
import fs from "node:fs";
import type { DeviceNumber, FileType } from "../../vfs/file_system.ts";
import type { AccessList } from "../../vfs/access_list.ts";
import { AclCalls, type AclKind } from "./acl_calls.ts";
import { hostCode, hostError } from "../../base/host_error.ts";
import { CloneCalls, type HostClones } from "./clone_calls.ts";
import { CachedReads } from "../common/cached_reads.ts";
import { FsError } from "../../vfs/errors.ts";
import type { HostCalls } from "../common/host_calls.ts";
import {
  birthHash,
  type FolderParts,
  type Host,
  type HostName,
  type HostStat,
  MODE_TYPES,
  type NewTime,
  type OpenFolder,
} from "./host.ts";
import { LaterWrites } from "../common/later_writes.ts";
import { EntryPins } from "./entry_pins.ts";
import { FileRanges, type HostRanges } from "../common/file_ranges.ts";
import { FolderEntries, isOnceLarge } from "./folder_entries.ts";
import { packDevice } from "./device_numbers.ts";
import { type HostHandle, HostHandles, mixHandle } from "./host_handles.ts";
import {
  type FileWatch,
  type FolderWatch,
  openFolderWatch,
  openInotify,
} from "./inotify.ts";
import { packTimes } from "./new_times.ts";
import { cString, RawCalls } from "./raw_calls.ts";
import { Statx } from "./statx.ts";
import { OWN_XATTR, XattrCalls } from "./xattr_calls.ts";
import { HANGING_MOUNTS, PortableHost } from "./portable_host.ts";

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const ENOENT = 2;
/** A kernel without fine-grained timestamps stamps with its timer: 100 Hz at the slowest, in microseconds. */
const KERNEL_TICK = 10_000;
/** The number of that kind of file systems. */
const FUSE = 0x65735546;
/** The extended attribute that holds the verifier of an exclusive create. */
const encoder = new TextEncoder();
const NOTE = encoder.encode(`user.${OWN_XATTR}\0`);
const EMPTY = new Uint8Array(1);
const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
/** A descriptor that only names a file. */
const O_PATH = 0x200000;

/** Linux with libc at hand: times to the nanosecond, devices, one system call for a stat. */
export class LinuxHost extends PortableHost {
  #tick = KERNEL_TICK;
  #hasAccessLists = false;
  #xattrs: XattrCalls | undefined;
  #clones: HostClones | undefined;
  override readonly timeDelta: number = 1;
  override readonly rawNames: boolean;
  override readonly canWatch: boolean = true;
  override readonly limitations: readonly string[];
  /** Whether what a folder lists has the numbers that `stat` tells. */
  protected readonly listsNumbers: boolean = true;
  readonly #calls: HostCalls;
  readonly #raw: RawCalls;
  readonly #cached: CachedReads;
  readonly #writeLater: Host["writeLater"];
  readonly #ranges: FileRanges;
  readonly #acl: AclCalls;
  readonly #pins: EntryPins | undefined;
  readonly #libc: HostCalls["libc"];
  /** A name for C; Linux takes 255 bytes, what is longer must still be refused by it. */
  readonly #name = new Uint8Array(1024);
  readonly #statx: Statx;
  readonly #handles: HostHandles;
  /** The handles of FUSE change while a file is only used. */
  #hasLastingHandles = true;
  readonly #entries: FolderEntries;

  constructor(calls: HostCalls) {
    super();
    // What is opened by bytes is handed to Deno through /proc.
    this.rawNames = this.pinsFolders;
    this.#raw = new RawCalls(calls);
    this.#statx = new Statx(calls);
    this.#entries = new FolderEntries(calls);
    this.#cached = new CachedReads(calls);
    const writes = new LaterWrites(calls);
    this.#writeLater = (...how) => writes.write(...how);
    this.#ranges = new FileRanges(calls);
    this.#acl = new AclCalls(calls);
    this.#handles = new HostHandles(calls);
    this.#pins = EntryPins.of(calls);
    this.limitations = this.#pins === undefined ? [HANGING_MOUNTS] : [];
    this.#calls = calls;
    this.#libc = calls.libc;
  }

  override openRoot(path: string): OpenFolder {
    this.#hasLastingHandles = fileSystemType(path) !== FUSE;
    const root = super.openRoot(path);
    // No process can choose a ctime: it has none where its file system keeps none.
    const { nanoseconds } = this.statFolder(root).ctime;
    this.#tick = nanoseconds === 0 ? super.tick : KERNEL_TICK;
    const list = this.#acl.read(path, "access", { follow: true });
    this.#hasAccessLists = list !== "unknown";
    const xattrs = new XattrCalls(this.#calls, { follows: this.pinsFolders });
    this.#xattrs = xattrs.areIn(path) ? xattrs : undefined;
    this.#clones = CloneCalls.in(this.#calls, path);
    return root;
  }

  /** Of the file system in the root that was opened. */
  override get tick(): number {
    return this.#tick;
  }

  override openFolder(parent: OpenFolder, name: string): OpenFolder {
    if (name.isWellFormed()) return super.openFolder(parent, name);
    const at = { folder: parent, name };
    const fd = this.#raw.open(at, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    return { fd, prefix: `/proc/self/fd/${fd}/` };
  }

  override open(at: HostName, flags: number, mode?: number): number {
    return isPlain(at)
      ? super.open(at, flags, mode)
      : this.#raw.open(at, flags, mode);
  }

  override makeFolder(at: HostName, mode: number): void {
    if (isPlain(at)) super.makeFolder(at, mode);
    else this.#raw.makeFolder(at, mode);
  }

  override makeSymlink(at: HostName, target: string): void {
    if (isPlain(at) && target.isWellFormed()) super.makeSymlink(at, target);
    else this.#raw.makeSymlink(at, target);
  }

  /** What it says may be any bytes, whatever its name. */
  override readLink(at: HostName): string {
    return this.#raw.readLink(at);
  }

  override link(from: HostName, to: HostName): void {
    if (isPlain(from) && isPlain(to)) super.link(from, to);
    else this.#raw.link(from, to);
  }

  override rename(from: HostName, to: HostName): void {
    if (isPlain(from) && isPlain(to)) super.rename(from, to);
    else this.#raw.rename(from, to);
  }

  /** By one call, where Deno looks what it is first. */
  override removeFile(at: HostName): void {
    this.#raw.remove(at, { folder: false });
  }

  override removeFolder(at: HostName): void {
    this.#raw.remove(at, { folder: true });
  }

  override removeFolderLater(at: HostName): Promise<void> {
    return isPlain(at)
      ? super.removeFolderLater(at)
      : this.#raw.removeFolderLater(at);
  }

  override replaceFolderLater(from: HostName, to: HostName): Promise<void> {
    return isPlain(from) && isPlain(to)
      ? super.replaceFolderLater(from, to)
      : this.#raw.replaceFolderLater(from, to);
  }

  override pin(folder: OpenFolder, name: string): { fd: number; path: string } {
    if (name.isWellFormed()) return super.pin(folder, name);
    const fd = this.#raw.open({ folder, name }, O_PATH);
    return { fd, path: `/proc/self/fd/${fd}` };
  }

  override stat(
    folder: OpenFolder,
    name: string,
  ): HostStat | "mounted" | undefined {
    if (folder.fd < 0) return this.#statPath(folder.prefix + name);
    const entry = this.#cString(name);
    if (this.#pins === undefined) {
      const stat = this.#statx.of(folder.fd, entry, AT_SYMLINK_NOFOLLOW);
      return stat &&
        this.#incarnate(stat, this.#handles.of(folder.fd, entry, 0));
    }
    const fd = this.#pins.pin(folder.fd, entry);
    if (typeof fd !== "number") return fd;
    try {
      return this.statFile(fd);
    } finally {
      this.#libc.close(fd);
    }
  }

  override statFolder(folder: OpenFolder): HostStat {
    if (folder.fd >= 0) return this.statFile(folder.fd);
    const stat = this.#statPath(this.folderPath(folder));
    if (stat === undefined) throw hostError(ENOENT, "statx");
    return stat;
  }

  /**
   * Where Deno may not read /proc (all but `-A`). Not by Deno: it numbers devices
   * otherwise, and no file would be the one that {@linkcode statFile} tells of.
   */
  #statPath(path: string): HostStat | undefined {
    try {
      return this.#statx.of(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW);
    } catch (error) {
      if (hostCode(error) === "ENOTDIR") return undefined;
      throw error;
    }
  }

  override readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined {
    return this.#cached.readCached(fd, buffer, offset);
  }

  override get writeLater(): Host["writeLater"] {
    return this.#writeLater;
  }

  override isReadFirst(fd: number, start: number, end: number): boolean {
    return this.#cached.isReadFirst(fd, start, end);
  }

  override statFile(fd: number): HostStat {
    const stat = this.#statx.of(fd, EMPTY, AT_EMPTY_PATH);
    if (stat === undefined) throw hostError(ENOENT, "statx");
    if (stat.birthtime !== undefined) return stat;
    return this.#incarnate(stat, this.#handles.of(fd, EMPTY, AT_EMPTY_PATH));
  }

  /** An identity is checked by all that it is made of: by the handle where there is no birth. */
  #incarnate(stat: HostStat, handle: HostHandle | undefined): HostStat {
    if (stat.birthtime === undefined && handle && this.#hasLastingHandles) {
      stat.incarnation = mixHandle(0, handle);
    }
    return stat;
  }

  override tag(folder: OpenFolder, name: string, stat: HostStat): number {
    const hash = birthHash(stat);
    if (folder.fd < 0) return hash >>> 0;
    // It tells apart two files that had the same number within one tick.
    const handle = name === ""
      ? this.#handles.of(folder.fd, EMPTY, AT_EMPTY_PATH)
      : this.#handles.of(folder.fd, this.#cString(name), 0);
    if (handle === undefined) return hash >>> 0;
    return mixHandle(hash, handle) >>> 0;
  }

  override list(folder: OpenFolder): FolderParts {
    if (folder.fd < 0) return super.list(folder);
    const numbered = this.listsNumbers;
    const path = this.folderPath(folder);
    return isOnceLarge(this.statFolder(folder))
      ? () => Promise.resolve(this.#entries.listLater(path, { numbered }))
      : this.#entries.list(path, { numbered });
  }

  override closeLater(fd: number): Promise<void> | undefined {
    const own = this.#libc.dup(fd);
    if (own < 0) return undefined;
    // Not the last close: that is of the descriptor that Deno does not know of.
    fs.closeSync(fd);
    return this.#libc.close_later(own).then(() => {});
  }

  override get ranges(): HostRanges {
    return this.#ranges;
  }

  /** Of the file system in the root that was opened. */
  override get clones(): HostClones | undefined {
    return this.#clones;
  }

  override get canSyncAll(): boolean {
    return true;
  }

  override async syncAll(fd: number): Promise<void> {
    if (await this.#libc.syncfs(fd) !== 0) {
      // Its number is the other thread's.
      throw new FsError("io", "the host could not sync its file system");
    }
  }

  override setTimes(path: string, atime: NewTime, mtime: NewTime): void {
    const result = this.#libc.utimensat(
      AT_FDCWD,
      cString(path),
      packTimes(atime, mtime),
      this.pinsFolders ? 0 : AT_SYMLINK_NOFOLLOW,
    );
    if (result !== 0) throw hostError(this.#calls.errno(), "utimensat");
  }

  override makeNode(
    folder: OpenFolder,
    name: string,
    node: { type: FileType; mode: number; rdev?: DeviceNumber },
  ): void {
    const result = this.#libc.mknodat(
      folder.fd < 0 ? AT_FDCWD : folder.fd,
      cString(`${folder.fd < 0 ? folder.prefix : ""}${name}`),
      MODE_TYPES[node.type] | node.mode,
      packDevice(node.rdev),
    );
    if (result !== 0) throw hostError(this.#calls.errno(), "mknodat");
  }

  override setNote(fd: number, note: Uint8Array): boolean {
    return this.#libc.fsetxattr(
      fd,
      NOTE,
      note.slice(),
      BigInt(note.length),
      0,
    ) === 0;
  }

  override getNote(folder: OpenFolder, name: string): Uint8Array | undefined {
    const path = cString(folder.prefix + name);
    const note = new Uint8Array(64);
    const size = Number(this.#libc.lgetxattr(path, NOTE, note, 64n));
    return size < 0 ? undefined : note.subarray(0, size);
  }

  override get hasAccessLists(): boolean {
    return this.#hasAccessLists;
  }

  override get xattrs(): XattrCalls | undefined {
    return this.#xattrs;
  }

  override setAccessList(
    path: string,
    kind: AclKind,
    list: AccessList | undefined,
  ): void {
    this.#acl.write(path, { kind, list, follow: this.pinsFolders });
  }

  override accessList(path: string, kind: AclKind): AccessList | undefined {
    // A pinned path is a link that has to be followed.
    const follow = this.pinsFolders;
    const list = this.#acl.read(path, kind, { follow });
    return list === "unknown" ? undefined : list;
  }

  override watchFiles(): FileWatch | undefined {
    return openInotify(this.#calls);
  }

  override watchFolders(): FolderWatch | undefined {
    return openFolderWatch(this.#calls);
  }

  override close(): void {
    this.#calls.close();
  }

  #cString(name: string): Uint8Array<ArrayBuffer> {
    if (!name.isWellFormed()) return cString(name);
    const { written } = encoder.encodeInto(name, this.#name.subarray(0, 1023));
    this.#name[written] = 0;
    return this.#name;
  }
}

/** Whether Deno's own calls take the name. */
function isPlain({ name }: HostName): boolean {
  return name.isWellFormed();
}
