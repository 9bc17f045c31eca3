import fs from "node:fs";
import type {
  Host,
  HostName,
  HostStat,
  OpenFolder,
} from "../../../src/backends/local/host.ts";
import { PortableHost } from "../../../src/backends/local/portable_host.ts";
import type { Timestamp } from "../../../src/vfs/file_system.ts";

/**
 * A host whose file system gives the lowest inode number that is free, as ext4 does,
 * and tells the same birth of all files, or none.
 */
export class ReusingHost extends PortableHost {
  /** Entries that were made through it. */
  made = 0;
  readonly #birth: Timestamp | undefined;
  /** The numbers that it tells, by the real ones. */
  readonly #told = new Map<number, number>();
  /** The real ones of what was removed: a number is free once nothing holds it open. */
  readonly #removed = new Set<number>();

  constructor(birth: Timestamp | undefined) {
    super();
    this.#birth = birth;
  }

  override open(...args: Parameters<Host["open"]>): number {
    this.#making();
    return super.open(...args);
  }

  override makeFolder(...args: Parameters<Host["makeFolder"]>): void {
    this.#making();
    super.makeFolder(...args);
  }

  override makeSymlink(...args: Parameters<Host["makeSymlink"]>): void {
    this.#making();
    super.makeSymlink(...args);
  }

  override removeFile(at: HostName): void {
    this.#removing(at, () => super.removeFile(at));
  }

  override removeFolder(at: HostName): void {
    this.#removing(at, () => super.removeFolder(at));
  }

  override async removeFolderLater(at: HostName): Promise<void> {
    await undefined;
    this.removeFolder(at);
  }

  override stat(folder: OpenFolder, name: string) {
    const stat = super.stat(folder, name);
    return typeof stat === "object" ? this.#tell(stat) : stat;
  }

  override statFolder(folder: OpenFolder): HostStat {
    return this.#tell(super.statFolder(folder));
  }

  override statFile(fd: number): HostStat {
    return this.#tell(super.statFile(fd));
  }

  /** The host removes an entry by itself. */
  removes(path: string): void {
    const { ino } = fs.lstatSync(path);
    Deno.removeSync(path);
    this.#removed.add(ino);
  }

  #removing({ folder, name }: HostName, act: () => void): void {
    const { ino } = fs.lstatSync(folder.prefix + name);
    act();
    this.#removed.add(ino);
  }

  #making(): void {
    this.made++;
    this.#freeNumbers();
  }

  /** Numbers of what was removed and is not open are given again. */
  #freeNumbers(): void {
    for (const inode of this.#removed) {
      if (isHeld(inode)) continue;
      this.#removed.delete(inode);
      this.#told.delete(inode);
    }
  }

  #tell(stat: HostStat): HostStat {
    let fileid = this.#told.get(stat.fileid);
    if (fileid === undefined) {
      this.#freeNumbers();
      const used = new Set(this.#told.values());
      for (fileid = 1; used.has(fileid);) fileid++;
      this.#told.set(stat.fileid, fileid);
    }
    const { birthtime: _, ...rest } = stat;
    if (this.#birth === undefined) return { ...rest, fileid };
    // As if all were made in that moment, and not changed since.
    const [birthtime, ctime] = [this.#birth, this.#birth];
    return { ...rest, fileid, birthtime, ctime };
  }
}

/** Whether this process holds an inode open. */
function isHeld(inode: number): boolean {
  return [...Deno.readDirSync("/proc/self/fd")].some(({ name }) => {
    try {
      return fs.fstatSync(Number(name)).ino === inode;
    } catch {
      // Of the listing itself.
      return false;
    }
  });
}
