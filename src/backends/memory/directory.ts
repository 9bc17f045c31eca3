import type { DirectoryEntry } from "../../vfs/mod.ts";
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

/** Removed entries that are not worth a compaction. */
const SLACK = 32;

/**
 * The entries of a folder: by name in a map, and in the order of their making
 * in an array, where each has a cookie that only ever grows. A listing finds
 * its place by binary search; a removed entry stays in the array as a gap until
 * gaps are as many as entries, so that removing costs nothing but a mark.
 */
export class Directory {
  /** The folder that this one is in; the root's is itself. */
  parent: MemoryNode;
  readonly #byName = new Map<string, Entry>();
  readonly #inOrder: Entry[] = [];
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
    this.#inOrder.push(entry);
  }

  /** Takes the name away. */
  delete(name: string): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    this.#byName.delete(name);
    entry.node = undefined;
    if (this.#inOrder.length > 2 * this.#byName.size + SLACK) this.#compact();
  }

  /** Up to `limit` entries whose cookies are greater than `cookie`. */
  page(
    cookie: number,
    limit: number,
  ): { entries: DirectoryEntry<MemoryNode>[]; end: boolean } {
    const entries: Entry[] = [];
    for (let at = this.#after(cookie); at < this.#inOrder.length; at++) {
      const entry = this.#inOrder[at]!;
      if (entry.node === undefined) continue;
      if (entries.length >= limit) return { entries, end: false };
      entries.push(entry);
    }
    return { entries, end: true };
  }

  /** Index of the first entry whose cookie is greater than `cookie`. */
  #after(cookie: number): number {
    let low = 0;
    let high = this.#inOrder.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#inOrder[middle]!.cookie > cookie) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #compact(): void {
    let kept = 0;
    for (const entry of this.#inOrder) {
      if (entry.node !== undefined) this.#inOrder[kept++] = entry;
    }
    this.#inOrder.length = kept;
  }
}
