import { askedBy } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { DirectoryPage, WantedAttributes } from "../../vfs/file_system.ts";
import { hostThreads } from "../common/host_threads.ts";
import type { HostLocks } from "./host_locks.ts";
import type { FolderWatch } from "./inotify.ts";
import type { Moment } from "./moment.ts";
import type { LocalNode } from "./node.ts";

/** Entries that are kept with their attributes, a folder that is watched counting as some more. */
export const MOST_KEPT = 16_384;
const FOLDER_COUNTS = 16;
/** Milliseconds that a page is good for: what is written through mmap, or read, is not told of. */
export const LASTING = 1000;
/** Milliseconds that it may take the host to watch a folder: it goes through all names there that it knows, gone and absent ones too. */
const QUICK = 10;
/** Of the time of a party, this share at most goes into watching folders of more names. */
const SHARE = 0.02;

/** Which part of a folder is asked for. */
export interface PageRequest {
  /** Of the entry that it begins behind. */
  readonly cookie: number;
  /** Entries at most. */
  readonly limit: number;
  readonly wanted: WantedAttributes | undefined;
}

/** A page as it was answered. */
interface KeptPage extends PageRequest {
  readonly page: DirectoryPage<LocalNode>;
  readonly madeAt: number;
}

/** A folder in which nothing has happened since it has been watched. */
export interface WatchedFolder {
  readonly directory: LocalNode;
  readonly watch: number;
  /** By the cookie that each begins behind; `undefined` where one was made for the first time. */
  readonly pages: Map<number, KeptPage | undefined>;
}

/** A folder that a thread begins to watch. */
interface Beginning {
  readonly directory: LocalNode;
  /** Never rejects. */
  readonly begun: Promise<void>;
}

/** What {@linkcode KeptPages} need of a file system. */
export interface KeptPagesOptions {
  /** Opened with the first page; `undefined` where the host can't tell of all that happens in a folder. */
  readonly open: () => FolderWatch | undefined;
  /** A path to the very folder. */
  readonly pathOf: (directory: LocalNode) => string;
  readonly moment: Moment;
  /** Of folders that another thread begins to watch: a look into one waits in the kernel for as long. */
  readonly locks: HostLocks;
  /** What the host takes to watch a folder is measured by it. */
  readonly clock: Clock;
}

/**
 * The pages of folders that were answered last, with the attributes of what is on
 * them, for as long as the host's word is that nothing has happened in the folder.
 * That word is there as soon as the change is: it is taken before each answer. A
 * thread has the host begin to watch a folder once a page of it was made, and the
 * pages are kept that are made when it is watched.
 */
export class KeptPages {
  readonly #options: KeptPagesOptions;
  readonly #folders = new Map<LocalNode, WatchedFolder>();
  /** By entries, of those who had a folder watched. */
  readonly #room = new SharedRoom<LocalNode>(MOST_KEPT, {
    giveUp: (directory) => this.forget(directory),
  });
  readonly #byWatch = new Map<number, WatchedFolder>();
  /** Those that a thread begins to watch, of each party one. */
  readonly #beginning = new Map<string, Beginning>();
  /** What was told meanwhile of watches that are not known here: it may be theirs. */
  readonly #early = new Set<number>();
  /** Whether the host had too much to tell meanwhile. */
  #isMissed = false;
  /** Until when parties whose folders took the host long have none watched. */
  readonly #slow = new Map<string, number>();
  #watch: FolderWatch | undefined;
  #isOpened = false;
  #heardIn = -1;

  constructor(options: KeptPagesOptions) {
    this.#options = options;
  }

  /** A page that may be answered again. */
  get(
    directory: LocalNode,
    { cookie, limit, wanted }: PageRequest,
  ): DirectoryPage<LocalNode> | undefined {
    this.#hear();
    const folder = this.#folders.get(directory);
    const kept = folder?.pages.get(cookie);
    if (kept?.limit !== limit || kept.wanted !== wanted) return undefined;
    if (this.#options.moment.time - kept.madeAt >= LASTING) return undefined;
    this.#room.use(directory);
    return kept.page;
  }

  /** The folder, watched from before a page of it is made; `undefined` where it is not. */
  watched(directory: LocalNode): WatchedFolder | undefined {
    this.#hear();
    return this.#folders.get(directory);
  }

  /**
   * A page was made of a folder that is not watched: has it watched from now on, where
   * there is a thread for that, and the party has no other that is begun with.
   */
  begin(directory: LocalNode, cookie: number): void {
    if (!this.#isOpened) {
      this.#isOpened = true;
      this.#watch = this.#options.open();
    }
    const watch = this.#watch;
    const asker = askedBy();
    const { locks, pathOf } = this.#options;
    if (watch === undefined || this.#mayNotBegin(asker.party)) return;
    if (this.#folders.has(directory) || locks.of(directory)) return;
    const path = pathOf(directory);
    const threads = hostThreads.short;
    if (!threads.tryToEnter(asker)) return;
    const begun = this.#begin(watch, { directory, cookie, path })
      .finally(() => {
        threads.leave(asker);
        this.#beginning.delete(asker.party);
        if (this.#beginning.size === 0) this.#allBegun();
      });
    this.#beginning.set(asker.party, { directory, begun });
    locks.begun([directory], begun);
  }

  /** Resolves when a thread has begun to watch the folder of that name; `undefined` where none is at it. */
  beginningAt(parent: LocalNode, name: string): Promise<void> | undefined {
    for (const { directory, begun } of this.#beginning.values()) {
      const [place] = directory.places;
      if (place?.parent === parent && place.name === name) return begun;
    }
    return undefined;
  }

  /**
   * Keeps a page that is made for the second time, of which a walk makes none; false
   * where it does not, or where something has happened while it was made.
   */
  keep(folder: WatchedFolder, kept: KeptPage): boolean {
    const { directory, pages } = folder;
    if (this.#folders.get(directory) !== folder) return false;
    const { cookie } = kept;
    const isFirst = !pages.has(cookie);
    const before = isFirst ? 0 : countOf(pages.get(cookie));
    const page = isFirst ? undefined : kept;
    pages.set(cookie, page);
    this.#room.grow(directory, countOf(page) - before);
    return !isFirst;
  }

  /** We have changed what is in a folder, or its entries. */
  forget(directory: LocalNode): void {
    const folder = this.#folders.get(directory);
    if (folder === undefined) return;
    this.#drop(folder);
    this.#watch!.remove(folder.watch);
  }

  /** Nothing is kept any more. */
  async dispose(): Promise<void> {
    const watch = this.#watch;
    this.#isOpened = true;
    this.#watch = undefined;
    const beginning = [...this.#beginning.values()];
    await Promise.all(beginning.map(({ begun }) => begun));
    for (const { watch: number } of this.#folders.values()) {
      watch?.remove(number);
    }
    this.#folders.clear();
    watch?.close();
  }

  #mayNotBegin(party: string): boolean {
    if (this.#beginning.has(party)) return true;
    const now = this.#options.clock.now();
    for (const [slow, until] of this.#slow) {
      if (now >= until) this.#slow.delete(slow);
    }
    return this.#slow.has(party);
  }

  async #begin(
    watch: FolderWatch,
    { directory, cookie, path }: {
      readonly directory: LocalNode;
      readonly cookie: number;
      readonly path: string;
    },
  ): Promise<void> {
    const { clock, moment } = this.#options;
    const { party } = askedBy();
    const begin = clock.now();
    const number = await watch.add(path);
    const end = clock.now();
    const took = end - begin;
    if (took > QUICK) this.#slow.set(party, end + took / SHARE);
    if (number === undefined || this.#early.has(number)) return;
    if (this.#watch !== watch || this.#isMissed || directory.isGone) {
      return watch.remove(number);
    }
    const pages = new Map([[cookie, undefined]]);
    const folder = { directory, watch: number, pages };
    this.#folders.set(directory, folder);
    this.#byWatch.set(number, folder);
    this.#room.keep(directory, party, FOLDER_COUNTS + countOf(undefined));
    // What was told before may be from before.
    moment.end();
  }

  /** All that is told from now on is of what is known. */
  #allBegun(): void {
    this.#early.clear();
    this.#isMissed = false;
  }

  /** Takes the host's word, once in a moment. */
  #hear(): void {
    const { now } = this.#options.moment;
    if (this.#watch === undefined || this.#heardIn === now) return;
    this.#heardIn = now;
    const changed = this.#watch.changed();
    if (changed === undefined) {
      this.#isMissed = this.#beginning.size > 0;
      for (const directory of this.#folders.keys()) this.forget(directory);
      return;
    }
    for (const watch of changed) {
      const folder = this.#byWatch.get(watch);
      if (folder !== undefined) this.#drop(folder);
      else if (this.#beginning.size > 0) this.#early.add(watch);
    }
  }

  #drop({ directory, watch }: WatchedFolder): void {
    this.#folders.delete(directory);
    this.#byWatch.delete(watch);
    this.#room.delete(directory);
  }
}

function countOf(kept: KeptPage | undefined): number {
  return 1 + (kept?.page.entries.length ?? 0);
}
