import { askedBy } from "../../base/asker.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import type { Clock } from "../../base/clock.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { Turn } from "../../base/turn.ts";
import type { WallClock } from "../../base/wall_clock.ts";
import { FsError } from "../../vfs/errors.ts";
import { DirectoryListing } from "./directory_listing.ts";
import type { FolderBatches, HostListing, HostStat } from "./host.ts";
import { laterParts } from "./later_parts.ts";
import type { LocalNode } from "./node.ts";
import { ReadingPlaces } from "./reading_places.ts";
import type { Tree } from "./tree.ts";

/** Bytes of memory for the listings of all folders; one that takes more than half of that, or than others leave, is kept beside them. */
export const MAX_BYTES = 16 * 1024 * 1024;
/** Of the time, this share at most goes into listing a large folder again that is in motion. */
const SHARE = 0.02;
/** Milliseconds of listing that are as good as nothing. */
const CHEAP = 1;

/** How {@linkcode Listings} work. */
export interface ListingsOptions {
  /** The time of day, to tell how old a change is. */
  readonly now: WallClock;
  /** What the listing of a folder takes is measured by it. */
  readonly clock: Clock;
  /** Bounds the memory, in bytes; 16 MiB. */
  readonly maxBytes?: number;
  /** Bounds the work that is done at once. */
  readonly turn: Turn;
}

/** What became of the entries of a folder, by us. */
export interface OwnChange {
  /** The folder just before. */
  readonly before: HostStat;
  /** The folder just after. */
  readonly after: HostStat;
  /** A name that is gone. */
  readonly removed?: string;
  /** A name that is there now. */
  readonly added?: string;
}

/** A folder as it was listed, and what we did to it since. */
class Kept {
  readonly listing: DirectoryListing;
  /** The folder when it was listed, or after our last change since. */
  stat: HostStat;
  /** That was so long after its last change that the next one must show. */
  isSettled: boolean;
  /** When reading it ended, and how long it took, in milliseconds. */
  at = -Infinity;
  took = 0;
  /** Pending while the folder is read. */
  reading: Promise<DirectoryListing | undefined> | undefined;
  /** What we removed while it is read: the host may tell of it all the same. */
  readonly removed = new Set<string>();

  constructor(
    stat: HostStat,
    settled: boolean,
    before: DirectoryListing | undefined,
  ) {
    this.stat = stat;
    this.isSettled = settled;
    this.listing = new DirectoryListing(before);
  }

  add({ names }: HostListing): void {
    for (const name of names) {
      if (!this.removed.has(name)) this.listing.add(name);
    }
  }

  change({ before, after, removed, added }: OwnChange): void {
    if (removed !== undefined) {
      this.listing.remove(removed);
      if (this.reading !== undefined) this.removed.add(removed);
    }
    if (added !== undefined) {
      this.removed.delete(added);
      this.listing.add(added);
    }
    // Only what the host does makes the listing a false one.
    if (!sameTimes(this.stat, before)) return;
    this.stat = after;
    this.isSettled = false;
  }
}

/** A folder that is being read. */
interface Reading {
  readonly directory: LocalNode;
  readonly kept: Kept;
  /** Who has it read. */
  readonly party: string;
  /** When that began. */
  readonly begin: number;
}

/**
 * The folders that were listed last, so that a page costs what is on it. Our own
 * changes are made to what is kept. Reading a large folder goes on over many
 * turns of the event loop, and takes a place; what ends in its first turn waits
 * for none.
 */
export class Listings {
  readonly #tree: Tree;
  readonly #now: WallClock;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #kept = new Map<LocalNode, Kept>();
  /** By bytes, of those who had them read. */
  readonly #room: SharedRoom<LocalNode>;
  readonly #reading = new Map<LocalNode, Kept>();
  readonly #places = new ReadingPlaces<LocalNode, DirectoryListing>();
  #isDisposed = false;

  /** Nothing was listed yet. */
  constructor(tree: Tree, options: ListingsOptions) {
    this.#tree = tree;
    this.#now = options.now;
    this.#clock = options.clock;
    this.#room = new SharedRoom(options.maxBytes ?? MAX_BYTES, {
      giveUp: (directory) => this.#kept.delete(directory),
      besides: 1,
    });
    this.#turn = options.turn;
  }

  /** About how much memory the listings take, in bytes. */
  get bytes(): number {
    return this.#room.weight;
  }

  /** The listing of a folder, to be read on after `cookie`; `leave` of who has a place to read it. */
  of(
    directory: LocalNode,
    cookie: number,
    leave?: () => void,
  ): Awaitable<DirectoryListing> {
    const kept = this.#kept.get(directory);
    const fresh = kept !== undefined &&
      this.#clock.now() - kept.at < (kept.took - CHEAP) / SHARE;
    // An entry made since may be missed, as between opendir and closedir of POSIX.
    if (fresh && cookie !== 0) return this.#use(directory, kept);
    const stat = this.#tree.stat(directory);
    if (kept && (fresh || kept.isSettled) && sameTimes(kept.stat, stat)) {
      return this.#use(directory, kept);
    }
    const reading = this.#reading.get(directory);
    if (reading !== undefined) {
      // Who reads it may wait for a place by then, or for who waits for this one.
      leave?.();
      // What was changed since it began may be missing there.
      return sameTimes(reading.stat, stat)
        ? this.#joined(directory, reading.reading!)
        : reading.reading!.then(() => this.#next(directory));
    }
    if (leave !== undefined) return this.#read(directory, stat);
    return this.#places.waiting(directory) ?? this.#try(directory, stat);
  }

  /** We changed the entries of a folder, or what it looks like. */
  changed(directory: LocalNode, change: OwnChange): void {
    this.#reading.get(directory)?.change(change);
    this.#adapt(directory, (kept) => kept.change(change));
  }

  /** A name that was listed is gone: it costs one look, however often the listing is read. */
  passed(directory: LocalNode, name: string): void {
    this.#adapt(directory, ({ listing }) => listing.remove(name));
  }

  /** A folder is gone. */
  forget(directory: LocalNode): void {
    this.#kept.delete(directory);
    this.#room.delete(directory);
  }

  /** Changes what is kept of a folder, if anything is. */
  #adapt(directory: LocalNode, change: (kept: Kept) => void): void {
    const kept = this.#kept.get(directory);
    if (kept === undefined) return;
    const { bytes } = kept.listing;
    change(kept);
    this.#room.grow(directory, kept.listing.bytes - bytes);
  }

  /** Resolves when no folder is read any more; what is being read is given up. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#places.giveUp(noLongerServed());
    const reading = [...this.#reading.values()].map(({ reading }) => reading);
    await Promise.allSettled(reading);
  }

  /** A listing that was begun after it was asked for. */
  #next(directory: LocalNode): Awaitable<DirectoryListing> {
    const reading = this.#reading.get(directory)?.reading;
    return reading === undefined
      ? this.of(directory, 0)
      : this.#joined(directory, reading);
  }

  /** What another's reading comes to, or, where that was given up for want of a place, what it comes to here. */
  async #joined(
    directory: LocalNode,
    reading: Promise<DirectoryListing | undefined>,
  ): Promise<DirectoryListing> {
    return await reading ?? await this.of(directory, 0);
  }

  /** Reads a folder in this turn or the next; what takes more waits for a place. */
  #try(directory: LocalNode, stat: HostStat): Awaitable<DirectoryListing> {
    const reading = this.#begin(directory, stat);
    const parts = this.#tree.host.list(this.#tree.folders.open(directory));
    if (typeof parts === "function") return this.#wait(directory);
    const rest = parts[Symbol.iterator]();
    if (this.#fill(reading, rest)) return this.#keep(reading);
    const tried = this.#follow(reading, this.#tryOn(reading, rest));
    return tried.then((listing) => listing ?? this.#wait(directory));
  }

  /** `undefined` where it takes a place, and there is none. */
  async #tryOn(
    reading: Reading,
    rest: Iterator<HostListing>,
  ): Promise<DirectoryListing | undefined> {
    await this.#turn.next();
    if (this.#fill(reading, rest)) return this.#keep(reading);
    using place = this.#places.take();
    if (place !== undefined) return await this.#readOn(reading, rest);
    // It will be read from its begin: it keeps no descriptor until then.
    rest.return?.();
    return undefined;
  }

  #wait(directory: LocalNode): Promise<DirectoryListing> {
    return this.#places.wait(
      directory,
      async (leave) => await this.of(directory, 0, leave),
    );
  }

  /** Reads a folder that has a place, in as many turns as that takes. */
  #read(directory: LocalNode, stat: HostStat): Promise<DirectoryListing> {
    const reading = this.#begin(directory, stat);
    const parts = this.#tree.host.list(this.#tree.folders.open(directory));
    const work = typeof parts === "function"
      ? this.#readLater(reading, parts())
      : this.#readOn(reading, parts[Symbol.iterator]());
    return this.#follow(reading, work);
  }

  #begin(directory: LocalNode, stat: HostStat): Reading {
    const { seconds, nanoseconds } = stat.ctime;
    const age = this.#now() - (seconds * 1000 + nanoseconds / 1_000_000);
    const isSettled = age * 1000 > this.#tree.host.tick;
    const before = this.#kept.get(directory)?.listing;
    const kept = new Kept(stat, isSettled, before);
    const { party } = askedBy();
    return { directory, kept, party, begin: this.#clock.now() };
  }

  /** Others that ask for the folder meanwhile have what comes of it. */
  #follow<T extends DirectoryListing | undefined>(
    reading: Reading,
    work: Promise<T>,
  ): Promise<T> {
    const { directory, kept } = reading;
    kept.reading = work;
    this.#reading.set(directory, kept);
    const ended = () => this.#ended(reading);
    work.then(ended, ended);
    return work;
  }

  #ended({ directory, kept }: Reading): void {
    kept.reading = undefined;
    if (this.#reading.get(directory) === kept) this.#reading.delete(directory);
  }

  /** Takes what the host lists until the turn is over; true when that is all. */
  #fill({ kept }: Reading, rest: Iterator<HostListing>): boolean {
    while (!this.#turn.isOver) {
      const { done, value } = rest.next();
      if (done) return true;
      kept.add(value);
    }
    if (!this.#isDisposed) return false;
    rest.return?.();
    throw noLongerServed();
  }

  async #readOn(
    reading: Reading,
    rest: Iterator<HostListing>,
  ): Promise<DirectoryListing> {
    do await this.#turn.next(); while (!this.#fill(reading, rest));
    return this.#keep(reading);
  }

  /** The same of one that other threads read. */
  async #readLater(
    reading: Reading,
    read: Promise<FolderBatches>,
  ): Promise<DirectoryListing> {
    const { directory, kept } = reading;
    const parts = await read;
    if (Symbol.iterator in parts) {
      return await this.#readOn(reading, parts[Symbol.iterator]());
    }
    for await (const part of laterParts(this.#tree, directory, parts)) {
      if (this.#isDisposed) throw noLongerServed();
      kept.add(part);
      if (this.#turn.isOver) await this.#turn.next();
    }
    return this.#keep(reading);
  }

  #keep(reading: Reading): DirectoryListing {
    const { directory, kept, party, begin } = reading;
    this.#ended(reading);
    this.forget(directory);
    kept.at = this.#clock.now();
    kept.took = kept.at - begin;
    kept.removed.clear();
    kept.listing.complete();
    if (directory.isGone) return kept.listing;
    this.#kept.set(directory, kept);
    this.#room.keep(directory, party, kept.listing.bytes);
    return kept.listing;
  }

  #use(directory: LocalNode, { listing }: Kept): DirectoryListing {
    this.#room.use(directory);
    return listing;
  }
}

function noLongerServed(): FsError {
  return new FsError("stale", "no longer served");
}

function sameTimes(a: HostStat, b: HostStat): boolean {
  return a.mtime.nanoseconds === b.mtime.nanoseconds &&
    a.mtime.seconds === b.mtime.seconds &&
    a.ctime.nanoseconds === b.ctime.nanoseconds &&
    a.ctime.seconds === b.ctime.seconds;
}
