import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { inTurns } from "../../base/turn.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import { differs } from "./change_counter.ts";
import type { DirectoryListing } from "./directory_listing.ts";
import { isOfOneFile } from "./errno.ts";
import type { PageRequest } from "./kept_pages.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

type Entry = DirectoryEntry<LocalNode>;
type Page = DirectoryPage<LocalNode>;

/** See `FileSystem.readdir`. */
export function readPage(
  store: Store,
  directory: LocalNode,
  request: PageRequest,
): Awaitable<Page> {
  const { listings, pages, tree, turn } = store;
  const kept = pages.get(directory, request);
  if (kept !== undefined && isStillSo(store, directory, kept)) return kept;
  const madeAt = tree.moment.time;
  const folder = pages.watched(directory);
  const make = (listing: DirectoryListing) =>
    take(makePage(store, directory, { ...request, listing }));
  const done = (page: Page): Page => {
    if (!page.entries.every(isWhole)) return page;
    if (folder === undefined) {
      pages.begin(directory, request.cookie);
      return page;
    }
    const lasting = { ...page, isLasting: true };
    const isKept = pages.keep(folder, { ...request, page: lasting, madeAt });
    return isKept ? lasting : page;
  };
  const listing = listings.of(directory, request.cookie);
  const page = listing instanceof Promise
    // Thousands may have waited for the same one, and must not go on at once.
    ? inTurns({ turn }, listing, make)
    : make(listing);
  return page instanceof Promise ? page.then(done) : done(page);
}

function isWhole({ attributes }: Entry): boolean {
  return attributes !== undefined;
}

/**
 * Whether those entries are as they were of which their folder does not tell all: other
 * folders, and files that may be changed under another name.
 */
function isStillSo(
  { tree }: Store,
  directory: LocalNode,
  { entries }: Page,
): boolean {
  return entries.every(({ name, node, attributes }) => {
    if (node!.type !== "directory" && attributes!.nlink === 1) return true;
    const stat = tree.glance(directory, name)?.stat;
    return stat !== undefined && node!.is(stat) && !differs(stat, attributes!);
  });
}

function* makePage(
  store: Store,
  directory: LocalNode,
  { listing, cookie, limit, wanted }: PageRequest & {
    readonly listing: DirectoryListing;
  },
): Steps<Page> {
  const { listings, tree, turn } = store;
  // What is wrong with the folder itself is told of it, and not of each entry.
  tree.folders.open(directory);
  const entries: Entry[] = [];
  let rest = listing.after(cookie);
  for (let next = rest.next(); !next.done; next = rest.next()) {
    const { name, cookie } = next.value;
    const entry = look(store, { directory, name }, wanted);
    if (entry !== undefined) {
      if (entries.length === limit) return { entries, end: false };
      entries.push({ name, cookie, ...entry });
      continue;
    }
    // Removed since, or of another file system: there may be any number of them.
    if (tree.isFree(directory, name)) listings.passed(directory, name);
    if (turn.isOver) {
      if (entries.length > 0) return { entries, end: false };
      yield* wait(turn.next());
    }
    rest = listing.after(cookie);
  }
  return { entries, end: true };
}

/** What a listing tells of an entry: its name alone, where the host keeps it from us. */
function look(
  store: Store,
  { directory, name }: { readonly directory: LocalNode; readonly name: string },
  wanted: WantedAttributes | undefined,
): Pick<Entry, "node" | "attributes"> | undefined {
  try {
    const found = store.tree.glance(directory, name);
    if (found === undefined) return undefined;
    const { node, stat } = found;
    return { node, attributes: store.counted(node, stat, wanted) };
  } catch (error) {
    if (isOfOneFile(error)) return {};
    throw error;
  }
}
