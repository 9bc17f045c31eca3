import { EvenShares } from "../../base/even_shares.ts";
import type { LocalNode } from "./node.ts";

/**
 * Files without a name that clients need. There are few descriptors for them, so
 * they are shared out by the files' owners, of whom none has more than are left,
 * or than a few: however many remove what they have open themselves, they leave
 * some.
 */
export class NamelessFiles implements Iterable<LocalNode> {
  readonly #shares = new EvenShares<number>(0);
  /** By owner, the longest kept first. */
  readonly #perOwner = new Map<number, Set<LocalNode>>();
  readonly #owners = new Map<LocalNode, number>();

  /** How many there may be. */
  set most(most: number) {
    this.#shares.most = most;
  }

  /** Whether a file is kept. */
  has(node: LocalNode): boolean {
    return this.#owners.has(node);
  }

  /** Whether a file of `owner` may lose its name and be kept. */
  hasRoomFor(owner: number): boolean {
    const { most, size } = this.#shares;
    // A client that gives files away has as many owners as it likes.
    return size < most && !this.#shares.isFull(owner);
  }

  /**
   * Keeps one. Where its owner's files have lost more names than may be kept, the
   * file to give up is returned: of these, the one kept longest, and one that a client
   * is only trusted with before those that clients have open.
   */
  add(node: LocalNode): LocalNode | undefined {
    const owner = node.told?.uid ?? -1;
    this.delete(node);
    const isFull = !this.hasRoomFor(owner);
    this.#owners.set(node, owner);
    this.#shares.take(owner);
    const own = this.#perOwner.get(owner) ?? new Set();
    this.#perOwner.set(owner, own.add(node));
    if (!isFull) return undefined;
    return own.values().find(({ isOpen }) => !isOpen) ??
      own.values().next().value;
  }

  /** It is not kept any more. */
  delete(node: LocalNode): void {
    const owner = this.#owners.get(node);
    if (owner === undefined) return;
    this.#owners.delete(node);
    this.#shares.give(owner);
    const own = this.#perOwner.get(owner)!;
    own.delete(node);
    if (own.size === 0) this.#perOwner.delete(owner);
  }

  /** All of them, the longest kept first. */
  [Symbol.iterator](): IterableIterator<LocalNode> {
    return this.#owners.keys();
  }
}
