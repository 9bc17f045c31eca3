import {
  closeSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { type Awaitable, promised } from "../../base/awaitable.ts";
import { isOutOfRoom } from "../../base/out_of_room.ts";
import { mostDescriptors, processLimit } from "../common/process_limit.ts";
import { type Contents, pagesOf } from "./contents.ts";
import { FsError } from "../../vfs/mod.ts";
import { type Disk, OWN_FILE, OWN_FOLDER } from "./disk.ts";
import { fsErrorOf } from "./errors.ts";
import { HoleFinder } from "./hole_finder.ts";
import type { Segment } from "./segments.ts";

/** Files kept open, where that is no more than a quarter of what the process may have. */
const OPEN_FILES = 256;
const MOST = Number.MAX_SAFE_INTEGER;
/** What the name of a file ends with that is being removed. */
const REMOVED = ".removed";
/** A block of `st_blocks`, whatever the file system's own are. */
const BLOCK = 512;

interface OpenFile {
  readonly descriptor: number;
  /** Calls of other threads: the descriptor must not be closed, and used for another file. */
  calls: number;
  /** Fell out of the cache meanwhile. */
  isForgotten: boolean;
  /** Resolves when the last of those calls has ended, and the descriptor is closed. */
  readonly closed: PromiseWithResolvers<void>;
}

/**
 * {@linkcode Contents} in a folder: a sparse file each, named by its number in
 * one of 256 folders, so that no folder of the host gets too long.
 */
export class ContentFiles implements Contents {
  readonly #directory: string;
  readonly #disk: Disk;
  /** Which folder that was at the start. */
  readonly #own: Deno.FileInfo;
  /** In order of their last use. */
  readonly #open = new Map<number, OpenFile>();
  /** Made since, and their names are not yet known to be on disk. */
  readonly #fresh = new Set<number>();
  /** For exports alone. */
  #holes: HoleFinder | undefined;
  /** Removals and cuts under way. */
  readonly #works = new Set<Promise<void>>();
  readonly #most = Math.min(OPEN_FILES, Math.ceil(mostDescriptors() / 4));
  /**
   * Is given up for what has to be opened for a sync when the process has no other:
   * what could not be opened would count as not synced, which ends the store.
   */
  #spare: number | undefined;

  /** In the folder `directory`, which is there. */
  constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
    this.#own = Deno.statSync(directory);
    this.#spare = openSync(directory, "r");
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
      this.#takeSpare();
    }
  }

  async #sync(number: number, { descriptor }: OpenFile): Promise<void> {
    await this.#disk.sync(descriptor);
    if (!this.#fresh.has(number)) return;
    await this.#syncFolder(this.#folder(number));
    this.#fresh.delete(number);
  }

  syncNow(number: number): void {
    this.#withSpare(() => {
      const file = this.#find(number);
      if (file === undefined) return;
      this.#disk.syncNow(file.descriptor);
      if (!this.#fresh.has(number)) return;
      this.#syncFolderNow(this.#folder(number));
      this.#fresh.delete(number);
    });
  }

  remove(number: number): void {
    const file = this.#open.get(number);
    this.#forget(number);
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
    for (const number of [...this.#open.keys()]) this.#forget(number);
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
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

  /** The open file, moved to the end of the line; `undefined` when there is none. */
  #find(number: number): OpenFile | undefined {
    const file = this.#open.get(number);
    if (file !== undefined) {
      this.#open.delete(number);
      this.#open.set(number, file);
      return file;
    }
    try {
      const descriptor = this.#obtain(() => openSync(this.#path(number), "r+"));
      return this.#keep(number, descriptor);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw fsErrorOf(error);
    }
  }

  #make(number: number, flags: "wx+" | "w+"): OpenFile {
    const make = () =>
      this.#obtain(() => openSync(this.#path(number), flags, OWN_FILE));
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
    return this.#keep(number, descriptor);
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
    this.#withSpare(() => this.#syncFolderNow(this.#directory));
  }

  #isMoved(): boolean {
    try {
      const { dev, ino } = Deno.statSync(this.#directory);
      return dev !== this.#own.dev || ino !== this.#own.ino;
    } catch {
      return true;
    }
  }

  #keep(number: number, descriptor: number): OpenFile {
    const closed = Promise.withResolvers<void>();
    const file = { descriptor, calls: 0, isForgotten: false, closed };
    this.#open.set(number, file);
    if (this.#open.size > this.#most) {
      for (const oldest of this.#open.keys()) {
        this.#forget(oldest);
        break;
      }
    }
    return file;
  }

  #forget(number: number): void {
    const file = this.#open.get(number);
    if (file === undefined) return;
    this.#open.delete(number);
    file.isForgotten = true;
    if (file.calls === 0) closeFile(file);
  }

  async #syncFolder(path: string): Promise<void> {
    let folder: number;
    try {
      folder = this.#obtain(() => openSync(path, "r"));
    } catch (error) {
      if (!lacksRoom(error)) throw error;
      return this.#withSpare(() => this.#syncFolderNow(path));
    }
    try {
      await this.#disk.sync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #syncFolderNow(path: string): void {
    const folder = this.#obtain(() => openSync(path, "r"));
    try {
      this.#disk.syncNow(folder);
    } finally {
      closeSync(folder);
    }
  }

  /**
   * A new descriptor; where there is no room for one, in place of a content
   * that no other thread is at.
   */
  #obtain(open: () => number): number {
    for (;;) {
      try {
        return open();
      } catch (error) {
        if (!lacksRoom(error) || !this.#closeIdle()) throw error;
      }
    }
  }

  #closeIdle(): boolean {
    for (const [number, { calls }] of this.#open) {
      if (calls > 0) continue;
      this.#forget(number);
      return true;
    }
    return false;
  }

  /** Has `act` open something, if need be in place of the spare descriptor. */
  #withSpare(act: () => void): void {
    try {
      return act();
    } catch (error) {
      if (!lacksRoom(error) || this.#spare === undefined) throw error;
    }
    closeSync(this.#spare);
    this.#spare = undefined;
    try {
      act();
    } finally {
      this.#takeSpare();
    }
  }

  #takeSpare(): void {
    try {
      this.#spare ??= this.#obtain(() => openSync(this.#directory, "r"));
    } catch {
      // Another thread was quicker: again with the next file that is closed.
    }
  }

  #folder(number: number): string {
    return `${this.#directory}/${(number % 256).toString(16).padStart(2, "0")}`;
  }

  #path(number: number): string {
    return `${this.#folder(number)}/${number}`;
  }
}

/** Keeps a file open until the call of another thread has ended. */
async function during(file: OpenFile, call: Promise<void>): Promise<void> {
  file.calls++;
  try {
    await call;
  } finally {
    file.calls--;
    if (file.isForgotten && file.calls === 0) closeFile(file);
  }
}

function closeFile({ descriptor, closed }: OpenFile): void {
  closeSync(descriptor);
  closed.resolve();
}

/** Whether the process has no descriptor or memory for something: that ends by itself. */
function lacksRoom(error: unknown): boolean {
  return isOutOfRoom(error instanceof FsError ? error.cause : error);
}

/** Runs a call of the host; its errors are a file system's. */
function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fsErrorOf(error);
  }
}

/** The largest file that the host can make in a folder. */
export function largestFile(directory: string): number {
  const path = `${directory}/size.probe`;
  const descriptor = openSync(path, "w", OWN_FILE);
  try {
    // 2^53 - 1; 16 TiB less a block (ext4); 8 TiB, 2 TiB, 4 GiB - 1.
    const limit = processLimit();
    for (const most of [MOST, 2 ** 44 - 4096, 2 ** 43, 2 ** 41, 2 ** 32 - 1]) {
      const size = Math.min(most, limit);
      try {
        ftruncateSync(descriptor, size);
        return size;
      } catch {
        // Too large for this one.
      }
    }
    return 2 ** 31 - 1;
  } finally {
    closeSync(descriptor);
    Deno.removeSync(path);
  }
}
