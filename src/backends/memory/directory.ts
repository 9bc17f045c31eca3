import type { DirectoryEntry, EntryPlace } from "../../vfs/mod.ts";
import type { MemoryNode } from "./node.ts";

/** A name in a folder. */
class Entry implements DirectoryEntry<MemoryNode> {
  readonly name: string;
  readonly cookie: number;
  /** None in what is left of a removed entry. */
  node: MemoryNode | undefined;

  constructor(name: string, cookie: number, node: MemoryNode) {
    this.name = name;
    this.cookie = cookie;
    this.node = node;
  }

  /** A node is its own live attributes. */
  get attributes(): MemoryNode | undefined {
    return this.node;
  }
}

/** Entries of a chunk at most. */
const MAX_CHUNK = 512;

/**
 * The entries of a folder: by name in a map, and in the order of their making
 * in chunks, where each has a cookie that only ever grows. A listing finds its
 * place by binary search, and meets nothing but entries that are there: no call
 * costs what the folder holds, or has held.
 */
export class Directory {
  /** The folder that this one is in; the root's is itself. */
  parent: MemoryNode;
  readonly #byName = new Map<string, Entry>();
  /** None is empty. */
  readonly #chunks: Entry[][] = [];
  #nextCookie = 1;

  /** An empty folder in `parent`. */
  constructor(parent: MemoryNode) {
    this.parent = parent;
  }

  /** Number of entries. */
  get size(): number {
    return this.#byName.size;
  }

  /** The node of a name, if there is one. */
  get(name: string): MemoryNode | undefined {
    return this.#byName.get(name)?.node;
  }

  /** Gives `name` to `node`; a name that is taken keeps its cookie. */
  set(name: string, node: MemoryNode): void {
    const taken = this.#byName.get(name);
    if (taken !== undefined) {
      taken.node = node;
      return;
    }
    const entry = new Entry(name, this.#nextCookie++, node);
    this.#byName.set(name, entry);
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.length < MAX_CHUNK) last.push(entry);
    else this.#chunks.push([entry]);
  }

  /** Takes the name away. */
  delete(name: string): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    this.#byName.delete(name);
    entry.node = undefined;
    const at = this.#chunkOf(entry.cookie);
    const chunk = this.#chunks[at]!;
    chunk.splice(countUpTo(chunk, entry.cookie, cookieOf) - 1, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Up to `limit` entries whose cookies are greater than `cookie`. */
  page(
    cookie: number,
    limit: number,
  ): { entries: DirectoryEntry<MemoryNode>[]; end: boolean } {
    const entries: Entry[] = [];
    for (let at = this.#chunkOf(cookie); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      let index = countUpTo(chunk, cookie, cookieOf);
      for (; index < chunk.length; index++) {
        if (entries.length >= limit) return { entries, end: false };
        entries.push(chunk[index]!);
      }
    }
    return { entries, end: true };
  }

  /** Where an entry stands among the others. */
  place(name: string): EntryPlace | undefined {
    const entry = this.#byName.get(name);
    if (entry === undefined) return undefined;
    const { cookie } = entry;
    const at = this.#chunkOf(cookie);
    const chunk = this.#chunks[at]!;
    const index = countUpTo(chunk, cookie, cookieOf) - 1;
    return {
      cookie,
      previous: chunk[index - 1] ?? this.#chunks[at - 1]?.at(-1),
      isLast: this.#chunks.at(-1)!.at(-1) === entry,
    };
  }

  /** Where the chunk is that has, or would have, this cookie. */
  #chunkOf(cookie: number): number {
    const chunks = this.#chunks;
    return Math.max(0, countUpTo(chunks, cookie, firstCookieOf) - 1);
  }
}

/** How many there are whose cookies are not greater than `cookie`. */
function countUpTo<T>(
  sorted: readonly T[],
  cookie: number,
  cookieOf: (one: T) => number,
): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cookieOf(sorted[middle]!) > cookie) high = middle;
    else low = middle + 1;
  }
  return low;
}

function cookieOf({ cookie }: Entry): number {
  return cookie;
}

function firstCookieOf([first]: readonly Entry[]): number {
  return first!.cookie;
}
