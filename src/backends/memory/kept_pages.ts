import { RecentMap } from "../../base/recent_map.ts";
import type { DirectoryPage, Timestamp } from "../../vfs/mod.ts";
import type { MemoryNode } from "./node.ts";

/** Entries that are kept, to twice as many, a page counting as some more. */
const MOST_KEPT = 16_384;
const PAGE_COUNTS = 16;

/** Which part of a folder is asked for. */
interface PageRequest {
  /** Of the entry that it begins behind. */
  readonly cookie: number;
  /** Entries at most. */
  readonly limit: number;
}

/** A page, and what all on it was like when it was made. */
interface KeptPage extends PageRequest {
  readonly directory: MemoryNode;
  readonly page: DirectoryPage<MemoryNode>;
  /** Of the folder. */
  readonly change: number;
  /** Of each entry. */
  readonly changes: readonly number[];
  readonly atimes: readonly Timestamp[];
}

/**
 * The pages that were answered last, for as long as everything on them is as it
 * was: the server keeps what it has written of one.
 */
export class KeptPages {
  /** By the cookie that each begins behind. */
  readonly #ofFolder = new WeakMap<MemoryNode, Map<number, KeptPage>>();
  readonly #recent = new RecentMap<KeptPage, KeptPage>(MOST_KEPT, {
    weigh: ({ page }) => PAGE_COUNTS + page.entries.length,
    evict: (kept) => this.#forget(kept),
  });

  /** The page, if it is kept and holds still. */
  get(
    directory: MemoryNode,
    { cookie, limit }: PageRequest,
  ): DirectoryPage<MemoryNode> | undefined {
    const kept = this.#ofFolder.get(directory)?.get(cookie);
    if (kept?.limit !== limit || !isAsItWas(kept)) return undefined;
    this.#recent.get(kept);
    return kept.page;
  }

  /** Keeps a page that was just made. */
  keep(
    directory: MemoryNode,
    request: PageRequest,
    made: DirectoryPage<MemoryNode>,
  ): DirectoryPage<MemoryNode> {
    const page = { ...made, isLasting: true };
    const nodes = page.entries.map(({ node }) => node!);
    const kept: KeptPage = {
      ...request,
      directory,
      page,
      change: directory.change,
      changes: nodes.map(({ change }) => change),
      atimes: nodes.map(({ atime }) => atime),
    };
    let pages = this.#ofFolder.get(directory);
    if (pages === undefined) this.#ofFolder.set(directory, pages = new Map());
    const before = pages.get(request.cookie);
    if (before !== undefined) this.#recent.delete(before);
    pages.set(request.cookie, kept);
    this.#recent.set(kept, kept);
    return page;
  }

  #forget(kept: KeptPage): void {
    const pages = this.#ofFolder.get(kept.directory);
    if (pages?.get(kept.cookie) === kept) pages.delete(kept.cookie);
  }
}

/** Whether no entry came, went or changed: an access leaves the change counter, and is another time. */
function isAsItWas(
  { directory, page, change, changes, atimes }: KeptPage,
): boolean {
  if (directory.change !== change) return false;
  const { entries } = page;
  for (let i = 0; i < entries.length; i++) {
    const { change, atime } = entries[i]!.node!;
    if (change !== changes[i] || atime !== atimes[i]) return false;
  }
  return true;
}
