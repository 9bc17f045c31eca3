import { askedBy } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { DirectoryPage, WantedAttributes } from "../../vfs/file_system.ts";
import type { FolderWatch } from "./inotify.ts";
import type { Moment } from "./moment.ts";
import type { LocalNode } from "./node.ts";

/** Entries that are kept with their attributes, a folder that is watched counting as some more. */
export const MOST_KEPT = 16_384;
const FOLDER_COUNTS = 16;
/** Milliseconds that a page is good for: what is written through mmap, or read, is not told of. */
export const LASTING = 1000;
/** Milliseconds that it may take the host to watch a folder: it goes through all names there that it knows, gone and absent ones too. */
const QUICK = 1;
/** Milliseconds for which a folder that took longer is not watched anew. */
export const UNWATCHED = 10_000;

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

/** What {@linkcode KeptPages} need of a file system. */
export interface KeptPagesOptions {
  /** Opened with the first page; `undefined` where the host can't tell of all that happens in a folder. */
  readonly open: () => FolderWatch | undefined;
  /** A path to the very folder. */
  readonly pathOf: (directory: LocalNode) => string;
  readonly moment: Moment;
  /** What the host takes to watch a folder is measured by it. */
  readonly clock: Clock;
}

/**
 * The pages of folders that were answered last, with the attributes of what is on
 * them, for as long as the host's word is that nothing has happened in the folder.
 * That word is there as soon as the change is: it is taken before each answer.
 */
export class KeptPages {
  readonly #options: KeptPagesOptions;
  readonly #folders = new Map<LocalNode, WatchedFolder>();
  /** By entries, of those who had a folder watched. */
  readonly #room = new SharedRoom<LocalNode>(MOST_KEPT, {
    giveUp: (directory) => this.forget(directory),
  });
  readonly #byWatch = new Map<number, WatchedFolder>();
  /** Until when those that took the host long are not watched anew. */
  readonly #slow = new WeakMap<LocalNode, number>();
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

  /** The folder, watched from before a page of it is made; `undefined` where it can't be. */
  watched(directory: LocalNode): WatchedFolder | undefined {
    this.#hear();
    return this.#folders.get(directory) ?? this.#begin(directory);
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
  dispose(): void {
    this.#isOpened = true;
    for (const directory of this.#folders.keys()) this.forget(directory);
    this.#watch?.close();
    this.#watch = undefined;
  }

  #begin(directory: LocalNode): WatchedFolder | undefined {
    if (!this.#isOpened) {
      this.#isOpened = true;
      this.#watch = this.#options.open();
    }
    const { clock, pathOf } = this.#options;
    const begin = clock.now();
    if (begin < (this.#slow.get(directory) ?? begin)) return undefined;
    const watch = this.#watch?.add(pathOf(directory));
    const end = clock.now();
    if (end - begin > QUICK) this.#slow.set(directory, end + UNWATCHED);
    if (watch === undefined) return undefined;
    const folder = { directory, watch, pages: new Map() };
    this.#folders.set(directory, folder);
    this.#byWatch.set(watch, folder);
    this.#room.keep(directory, askedBy().party, FOLDER_COUNTS);
    return folder;
  }

  /** Takes the host's word, once in a moment. */
  #hear(): void {
    const { now } = this.#options.moment;
    if (this.#watch === undefined || this.#heardIn === now) return;
    this.#heardIn = now;
    const changed = this.#watch.changed();
    if (changed === undefined) {
      for (const directory of this.#folders.keys()) this.forget(directory);
      return;
    }
    for (const watch of changed) {
      const folder = this.#byWatch.get(watch);
      if (folder !== undefined) this.#drop(folder);
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
