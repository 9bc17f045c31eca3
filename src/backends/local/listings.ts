import { DirectoryListing } from "./directory_listing.ts";
import type { HostStat } from "./host.ts";
import type { LocalNode } from "./node.ts";
import type { Tree } from "./tree.ts";

/** What is kept over all listings: entries, and a few for each listing. */
const MAX_WEIGHT = 500_000;
/** Going on in a folder in motion, this share of the time goes into listing it again. */
const SHARE = 0.1;

interface Kept {
  readonly listing: DirectoryListing;
  /** The folder just before it was listed. */
  readonly stat: HostStat;
  /** Listed when its last change was so long ago that the next one must show. */
  readonly settled: boolean;
  /** When listing it ended, and how long it took, in milliseconds. */
  readonly at: number;
  readonly took: number;
}

/** The folders that were listed last, so that a page costs what is on it. */
export class Listings {
  readonly #tree: Tree;
  readonly #now: () => number;
  readonly #kept = new Map<LocalNode, Kept>();
  #weight = 0;

  constructor(tree: Tree, now: () => number) {
    this.#tree = tree;
    this.#now = now;
  }

  /** The listing of a folder, to be read on after `cookie`. */
  of(directory: LocalNode, cookie: number): DirectoryListing {
    const folder = this.#tree.folder(directory);
    const kept = this.#kept.get(directory);
    const begin = performance.now();
    if (kept && cookie !== 0 && begin - kept.at < kept.took / SHARE) {
      // An entry made since may be missed, as between opendir and closedir of POSIX.
      return kept.listing;
    }
    const stat = this.#tree.stat(directory);
    if (kept?.settled && sameTimes(kept.stat, stat)) return kept.listing;
    const { seconds, nanoseconds } = stat.ctime;
    const age = this.#now() - (seconds * 1000 + nanoseconds / 1_000_000);
    const settled = age * 1000 > this.#tree.host.tick;
    const entries = this.#tree.host.list(folder);
    const listing = new DirectoryListing(entries, kept?.listing);
    const at = performance.now();
    this.#keep(directory, { listing, stat, settled, at, took: at - begin });
    return listing;
  }

  #keep(directory: LocalNode, kept: Kept): void {
    this.#forget(directory);
    this.#kept.set(directory, kept);
    this.#weight += weight(kept.listing);
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= MAX_WEIGHT || oldest === directory) break;
      this.#forget(oldest);
    }
  }

  #forget(directory: LocalNode): void {
    const kept = this.#kept.get(directory);
    if (kept === undefined) return;
    this.#weight -= weight(kept.listing);
    this.#kept.delete(directory);
  }

  /** We removed an entry. */
  removed(directory: LocalNode, name: string): void {
    this.#kept.get(directory)?.listing.remove(name);
  }
}

function weight(listing: DirectoryListing): number {
  return listing.size + 8;
}

function sameTimes(a: HostStat, b: HostStat): boolean {
  return a.mtime.nanoseconds === b.mtime.nanoseconds &&
    a.mtime.seconds === b.mtime.seconds &&
    a.ctime.nanoseconds === b.ctime.nanoseconds &&
    a.ctime.seconds === b.ctime.seconds;
}
