import { closeSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { type Awaitable, promised } from "../../base/awaitable.ts";
import { type Contents, pagesOf } from "./contents.ts";
import { FsError } from "../../vfs/mod.ts";
import { type Disk, OWN_FILE, OWN_FOLDER } from "./disk.ts";
import { fsErrorOf } from "./errors.ts";
import { HoleFinder } from "./hole_finder.ts";
import { during, lacksRoom, type OpenFile, OpenFiles } from "./open_files.ts";
import type { Segment } from "./segments.ts";

/** What the name of a file ends with that is being removed. */
const REMOVED = ".removed";
/** A block of `st_blocks`, whatever the file system's own are. */
const BLOCK = 512;

/**
 * {@linkcode Contents} in a folder: a sparse file each, named by its number in
 * one of 256 folders, so that no folder of the host gets too long.
 */
export class ContentFiles implements Contents {
  readonly #directory: string;
  readonly #disk: Disk;
  /** Which folder that was at the start. */
  readonly #own: Deno.FileInfo;
  readonly #open: OpenFiles;
  /** Made since, and their names are not yet known to be on disk. */
  readonly #fresh = new Set<number>();
  /** For exports alone. */
  #holes: HoleFinder | undefined;
  /** Removals and cuts under way. */
  readonly #works = new Set<Promise<void>>();

  /** In the folder `directory`, which is there. */
  constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
    this.#own = Deno.statSync(directory);
    this.#open = new OpenFiles(directory);
  }

  make(number: number): boolean {
    try {
      this.#make(number, "wx+");
      return true;
    } catch (error) {
      if (error instanceof FsError && error.code === "exists") return false;
      throw error;
    }
  }

  read(number: number, offset: number, target: Uint8Array): boolean {
    const file = this.#find(number);
    let filled = 0;
    while (file !== undefined && filled < target.length) {
      const { descriptor } = file;
      const rest = target.length - filled;
      const count = attempt(() =>
        readSync(descriptor, target, filled, rest, offset + filled)
      );
      if (count === 0) break;
      filled += count;
    }
    if (filled === target.length) return true;
    target.fill(0, filled);
    return false;
  }

  write(number: number, offset: number, data: Uint8Array): void {
    const { descriptor } = this.#find(number) ??
      this.#make(number, "w+");
    for (let at = 0; at < data.length;) {
      const rest = data.length - at;
      at += attempt(() => writeSync(descriptor, data, at, rest, offset + at));
    }
  }

  cut(number: number, size: number): Awaitable<void> {
    const file = this.#find(number);
    if (file === undefined) return;
    const now = this.measure(number);
    if (now.size <= size) return;
    const { descriptor } = file;
    const cut = promised(attempt(() => this.#disk.cut(descriptor, size, now)));
    if (cut === undefined) return;
    const ended = during(file, cut);
    this.#await(ended);
    return ended.catch((error) => {
      throw fsErrorOf(error);
    });
  }

  measure(number: number): { size: number; used: number } {
    try {
      const { size, blocks } = Deno.statSync(this.#path(number));
      const used = blocks === null ? size : blocks * BLOCK;
      // The host may have set blocks aside for more; those are not of the content.
      return { size, used: Math.min(used, pagesOf(size)) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { size: 0, used: 0 };
      throw fsErrorOf(error);
    }
  }

  lacks(number: number, used: number): boolean {
    return used > pagesOf(this.measure(number).size);
  }

  segments(number: number): readonly Segment[] {
    const file = this.#find(number);
    if (file === undefined) return [];
    const { size } = this.measure(number);
    this.#holes ??= new HoleFinder();
    return attempt(() => this.#holes!.find(file.descriptor, size));
  }

  async sync(number: number): Promise<void> {
    let file: OpenFile | undefined;
    try {
      file = this.#find(number);
    } catch (error) {
      if (!lacksRoom(error)) throw error;
      return this.syncNow(number);
    }
    if (file === undefined) return;
    try {
      await during(file, this.#sync(number, file));
    } finally {
      this.#open.takeSpare();
    }
  }

  async #sync(number: number, { descriptor }: OpenFile): Promise<void> {
    await this.#disk.sync(descriptor);
    if (!this.#fresh.has(number)) return;
    await this.#syncFolder(this.#folder(number));
    this.#fresh.delete(number);
  }

  syncNow(number: number): void {
    this.#open.withSpare(() => {
      const file = this.#find(number);
      if (file === undefined) return;
      this.#disk.syncNow(file.descriptor);
      if (!this.#fresh.has(number)) return;
      this.#syncFolderNow(this.#folder(number));
      this.#fresh.delete(number);
    });
  }

  remove(number: number): void {
    const file = this.#open.forget(number);
    this.#fresh.delete(number);
    const path = `${this.#path(number)}${REMOVED}`;
    try {
      renameSync(this.#path(number), path);
    } catch {
      // A file that has nothing but holes was never made.
      return;
    }
    // Gigabytes take a while; should we not get there, the next start does.
    // Not before it is closed, or the close would take that while on the event loop.
    const isInUse = file !== undefined && file.calls > 0;
    this.#await(
      isInUse
        ? file.closed.promise.then(() => Deno.remove(path))
        : Deno.remove(path),
    );
  }

  async close(): Promise<void> {
    this.#open[Symbol.dispose]();
    this.#holes?.[Symbol.dispose]();
    await Promise.all(this.#works);
  }

  strays(isInUse: (number: number) => boolean): string[] {
    const strays: string[] = [];
    for (const entry of Deno.readDirSync(this.#directory)) {
      if (!entry.isDirectory) continue;
      const path = `${this.#directory}/${entry.name}`;
      for (const { name } of Deno.readDirSync(path)) {
        if (!isInUse(Number(name))) strays.push(`${path}/${name}`);
      }
    }
    return strays;
  }

  /** Has {@linkcode close} wait for the end of a work, whatever comes of it. */
  #await(work: Promise<void>): void {
    const ended = work.catch(() => {})
      .finally(() => this.#works.delete(ended));
    this.#works.add(ended);
  }

  /** The open file; `undefined` when there is none. */
  #find(number: number): OpenFile | undefined {
    const file = this.#open.use(number);
    if (file !== undefined) return file;
    try {
      const descriptor = this.#open.obtain(() =>
        openSync(this.#path(number), "r+")
      );
      return this.#open.keep(number, descriptor);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw fsErrorOf(error);
    }
  }

  #make(number: number, flags: "wx+" | "w+"): OpenFile {
    const make = () =>
      this.#open.obtain(() => openSync(this.#path(number), flags, OWN_FILE));
    let descriptor: number;
    try {
      descriptor = make();
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") {
        attempt(() => this.#makeFolder(number));
      }
      descriptor = attempt(make);
    }
    this.#fresh.add(number);
    return this.#open.keep(number, descriptor);
  }

  /**
   * Once for each of the 256, so it may wait until the folder's name is on disk.
   * Never `content/` itself: should that have been moved away, or another one have
   * taken its place, what is put there would not be part of the store.
   */
  #makeFolder(number: number): void {
    if (this.#isMoved()) {
      throw new FsError("io", `${this.#directory} is not the store's any more`);
    }
    Deno.mkdirSync(this.#folder(number), { mode: OWN_FOLDER });
    this.#open.withSpare(() => this.#syncFolderNow(this.#directory));
  }

  #isMoved(): boolean {
    try {
      const { dev, ino } = Deno.statSync(this.#directory);
      return dev !== this.#own.dev || ino !== this.#own.ino;
    } catch {
      return true;
    }
  }

  async #syncFolder(path: string): Promise<void> {
    let folder: number;
    try {
      folder = this.#open.obtain(() => openSync(path, "r"));
    } catch (error) {
      if (!lacksRoom(error)) throw error;
      return this.#open.withSpare(() => this.#syncFolderNow(path));
    }
    try {
      await this.#disk.sync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #syncFolderNow(path: string): void {
    const folder = this.#open.obtain(() => openSync(path, "r"));
    try {
      this.#disk.syncNow(folder);
    } finally {
      closeSync(folder);
    }
  }

  #folder(number: number): string {
    return `${this.#directory}/${(number % 256).toString(16).padStart(2, "0")}`;
  }

  #path(number: number): string {
    return `${this.#folder(number)}/${number}`;
  }
}

/** Runs a call of the host; its errors are a file system's. */
function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fsErrorOf(error);
  }
}
