import type { LocalNode } from "./node.ts";

/** Of all that may be kept, those of one owner are this part at most. */
const OWNER_SHARE = 3 / 4;

/**
 * Files without a name that clients have open. There are few descriptors for
 * them, so they are shared out by the files' owners: no user who removes what it
 * has open itself takes all.
 */
export class NamelessFiles implements Iterable<LocalNode> {
  /** How many there may be. */
  most = 0;
  /** By owner, the longest kept first. */
  readonly #perOwner = new Map<number, Set<LocalNode>>();
  readonly #owners = new Map<LocalNode, number>();

  /** How many there are. */
  get size(): number {
    return this.#owners.size;
  }

  /** Whether a file is kept. */
  has(node: LocalNode): boolean {
    return this.#owners.has(node);
  }

  /** Whether a file of `owner` may lose its name and be kept, when `closing` others take descriptors as well. */
  hasRoomFor(owner: number, closing: number): boolean {
    const own = this.#perOwner.get(owner)?.size ?? 0;
    return this.size + closing < this.most && own < this.most * OWNER_SHARE;
  }

  /**
   * Keeps one. Where the host has taken more names than may be kept, of its owner's
   * files or of all, the file to give up is returned: of those of its owner, or of
   * the one who has the most, the one kept longest.
   */
  add(node: LocalNode): LocalNode | undefined {
    const owner = node.told?.uid ?? -1;
    this.delete(node);
    this.#owners.set(node, owner);
    const own = this.#perOwner.get(owner) ?? new Set();
    this.#perOwner.set(owner, own.add(node));
    if (own.size > this.most * OWNER_SHARE) return own.values().next().value;
    return this.size > this.most ? this.#next() : undefined;
  }

  /** It is not kept any more. */
  delete(node: LocalNode): void {
    const owner = this.#owners.get(node);
    if (owner === undefined) return;
    this.#owners.delete(node);
    const own = this.#perOwner.get(owner)!;
    own.delete(node);
    if (own.size === 0) this.#perOwner.delete(owner);
  }

  /** All of them, the longest kept first. */
  [Symbol.iterator](): IterableIterator<LocalNode> {
    return this.#owners.keys();
  }

  #next(): LocalNode | undefined {
    let most = new Set<LocalNode>();
    for (const own of this.#perOwner.values()) {
      if (own.size > most.size) most = own;
    }
    return most.values().next().value;
  }
}
