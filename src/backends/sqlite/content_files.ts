import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { type Awaitable, promised } from "../../base/awaitable.ts";
import {
  contentsIn,
  folderOf,
  foreignIn,
  type FoundContent,
  pathOf,
  removedPathOf,
} from "./content_folders.ts";
import { type Contents, pagesOf, type Sought } from "./contents.ts";
import { ongoingCall } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/mod.ts";
import { type CachedReader, isOfWholeBlocks } from "../common/cached_reads.ts";
import { FileRanges, type HostRanges } from "../common/file_ranges.ts";
import { type HostCalls, openHostCalls } from "../common/host_calls.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isLongInRange } from "../common/long_calls.ts";
import {
  byThread,
  type Locked,
  readFile,
  readFirst,
} from "../common/transfers.ts";
import { type Disk, OWN_FILE, OWN_FOLDER } from "./disk.ts";
import { attempt, fsErrorOf, throwAsFsError } from "./errors.ts";
import { HoleFinder } from "./hole_finder.ts";
import { lacksRoom, type OpenFile, OpenFiles } from "./open_files.ts";
import { Removals } from "./removals.ts";
import type { Segment } from "./segments.ts";

/** A block of `st_blocks`, whatever the file system's own are. */
const BLOCK = 512;

/**
 * {@linkcode Contents} in a folder: a sparse file each, named by its number.
 */
export class ContentFiles implements Contents {
  readonly #directory: string;
  readonly #disk: Disk;
  /** Which folder that was at the start. */
  readonly #own: Deno.FileInfo;
  readonly #open: OpenFiles;
  /** Those whose names are not yet known to be on disk. */
  readonly #fresh = new Set<number>();
  readonly #calls: HostCalls | undefined = openHostCalls();
  readonly #reader: CachedReader;
  readonly #holes: HoleFinder;
  readonly #ranges: HostRanges | undefined;
  /** Cuts and reads of other threads. */
  readonly #works = new Set<Promise<unknown>>();
  readonly #removals = new Removals();

  /** In the folder `directory`, which is there. */
  constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
    this.#own = Deno.statSync(directory);
    this.#open = new OpenFiles(directory);
    this.#reader = disk.reader(this.#calls);
    this.#holes = new HoleFinder(this.#calls);
    this.#ranges = this.#calls && new FileRanges(this.#calls);
  }

  share(count: number): void {
    this.#open.share(count);
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

  read(
    number: number,
    offset: number,
    target: Uint8Array,
    locked: Locked,
  ): Awaitable<boolean> {
    const file = this.#find(number);
    if (file === undefined) return filled(target, 0);
    // A thread would take a quarter more CPU for 1 MiB that is in memory.
    const how = { file, buffer: target, offset, atOnce: Infinity, locked };
    const bytes = attempt(() => readFile(this.#reader, how));
    if (typeof bytes === "number") return filled(target, bytes);
    this.#await(bytes);
    return bytes.then((bytes) => filled(target, bytes), throwAsFsError);
  }

  readyToWrite(
    number: number,
    start: number,
    end: number,
    locked: Locked,
  ): Promise<void> | undefined {
    if (isOfWholeBlocks(start, end)) return undefined;
    const file = this.#find(number);
    if (file === undefined) return undefined;
    const ready = readFirst(this.#reader, { file, start, end, locked });
    if (ready !== undefined) this.#await(ready);
    return ready;
  }

  write(number: number, offset: number, data: Uint8Array): void {
    const { fd } = this.#find(number) ?? this.#make(number, "w+");
    for (let at = 0; at < data.length;) {
      const rest = data.length - at;
      at += attempt(() => writeSync(fd, data, at, rest, offset + at));
    }
  }

  writeAgain(number: number, offset: number, data: Uint8Array): void {
    this.write(number, offset, data);
    this.#fresh.add(number);
  }

  cut(number: number, size: number): Awaitable<void> {
    const file = this.#find(number);
    if (file === undefined) return;
    const now = this.measure(number);
    if (now.size <= size) return;
    const { fd, isTransferring } = file;
    const isHeldUp = isTransferring || this.#reader.isReadFirst(fd, size, size);
    const how = { ...now, isHeldUp };
    const cut = promised(attempt(() => this.#disk.cut(fd, size, how)));
    if (cut === undefined) return;
    const ended = file.during(() => cut);
    this.#await(ended);
    return ended.catch(throwAsFsError);
  }

  measure(number: number): { size: number; used: number } {
    try {
      const { size, blocks } = Deno.statSync(pathOf(this.#directory, number));
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

  get hasRanges(): boolean {
    return this.#ranges !== undefined;
  }

  punch(number: number, offset: number, end: number): Awaitable<void> {
    const file = this.#find(number);
    if (file === undefined) return;
    const length = end - offset;
    const isLong = isLongInRange(this.measure(number), length);
    const threads = isLong ? hostThreads.long : hostThreads.short;
    const punch = () => this.#ranges!.deallocate(file.fd, offset, length);
    const call = ongoingCall();
    const punched = file.transferring(() => byThread(punch, { call, threads }));
    this.#await(punched);
    return punched.catch(throwAsFsError);
  }

  seek(
    number: number,
    { offset, what, locked }: Sought,
  ): Awaitable<number | undefined> {
    const beyond = what === "hole" ? offset : undefined;
    const file = this.#find(number);
    if (file === undefined) return beyond;
    const look = async () =>
      this.measure(number).size <= offset
        ? beyond
        : await this.#ranges!.seek(file.fd, offset, what);
    const call = ongoingCall();
    const place = file.transferring(() => byThread(look, { call, locked }));
    this.#await(place);
    return place.catch(throwAsFsError);
  }

  segments(number: number): readonly Segment[] {
    const file = this.#find(number);
    if (file === undefined) return [];
    const { size } = this.measure(number);
    return attempt(() => this.#holes.find(file.fd, size));
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
      const opened = file;
      await opened.during(() => this.#sync(number, opened));
    } finally {
      this.#open.takeSpare();
    }
  }

  async #sync(number: number, { fd }: OpenFile): Promise<void> {
    await this.#disk.sync(fd);
    if (!this.#fresh.has(number)) return;
    await this.#syncFolder(folderOf(this.#directory, number));
    this.#fresh.delete(number);
  }

  syncNow(number: number): void {
    this.#open.withSpare(() => {
      const file = this.#find(number);
      if (file === undefined) return;
      this.#disk.syncNow(file.fd);
      if (!this.#fresh.has(number)) return;
      this.#syncFolderNow(folderOf(this.#directory, number));
      this.#fresh.delete(number);
    });
  }

  remove(number: number): void {
    const file = this.#open.forget(number);
    this.#fresh.delete(number);
    const path = removedPathOf(this.#directory, number);
    try {
      renameSync(pathOf(this.#directory, number), path);
    } catch (error) {
      // A file that has nothing but holes was never made.
      if ((error as { code?: string }).code !== "ENOENT") {
        this.#removals.leave();
      }
      return;
    }
    this.#removals.begin(path, file?.isInUse ? file.closed : undefined);
  }

  removeStrays(isInUse: (number: number) => boolean): void {
    const strays: number[] = [];
    const removed: number[] = [];
    for (const { number, isRemoved } of this.#strays(isInUse)) {
      (isRemoved ? removed : strays).push(number);
    }
    const remove = (numbers: number[], locate: typeof pathOf) =>
      this.#removals.beginAll(
        Iterator.from(numbers).map((number) => locate(this.#directory, number)),
      );
    remove(strays, pathOf);
    remove(removed, removedPathOf);
  }

  get hasLeftovers(): boolean {
    return this.#removals.hasLeftovers;
  }

  async close(): Promise<void> {
    this.#open[Symbol.dispose]();
    this.#calls?.close();
    await Promise.all(this.#works);
    await this.#removals.end();
  }

  /** Paths of contents that are not in use, once what is being removed is gone. */
  async strays(isInUse: (number: number) => boolean): Promise<string[]> {
    await this.#removals.ended();
    return [...this.#strays(isInUse)].map(({ path }) => path);
  }

  *#strays(isInUse: (number: number) => boolean): Generator<FoundContent> {
    for (const found of contentsIn(this.#directory)) {
      if (found.isRemoved || !isInUse(found.number)) yield found;
    }
  }

  /** Paths of what in the folder is not the store's. */
  foreign(): string[] {
    return [...foreignIn(this.#directory)];
  }

  /** Has {@linkcode close} wait for the end of a work, whatever comes of it. */
  #await(work: Promise<unknown>): void {
    const ended: Promise<unknown> = work.catch(() => {})
      .finally(() => this.#works.delete(ended));
    this.#works.add(ended);
  }

  /** The open file; `undefined` when there is none. */
  #find(number: number): OpenFile | undefined {
    const file = this.#open.use(number);
    if (file !== undefined) return file;
    try {
      const fd = this.#open.obtain(() =>
        openSync(pathOf(this.#directory, number), "r+")
      );
      return this.#open.keep(number, fd);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw fsErrorOf(error);
    }
  }

  #make(number: number, flags: "wx+" | "w+"): OpenFile {
    const make = () =>
      this.#open.obtain(() =>
        openSync(pathOf(this.#directory, number), flags, OWN_FILE)
      );
    let fd: number;
    try {
      fd = make();
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") {
        attempt(() => this.#makeFolder(number));
      }
      fd = attempt(make);
    }
    this.#fresh.add(number);
    return this.#open.keep(number, fd);
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
    Deno.mkdirSync(folderOf(this.#directory, number), { mode: OWN_FOLDER });
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
}

/** Whether so many bytes are all of `target`; what it lacks is zeros. */
function filled(target: Uint8Array, bytes: number): boolean {
  target.fill(0, bytes);
  return bytes === target.length;
}
