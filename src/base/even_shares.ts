/** Of all that there is, this part may be had by each, until all have twice as many as there are; one by each in any case. */
const LEAST = 1 / 16;

/**
 * How many each has of what there are so many of: none is to have more than are
 * left, so that there are some for others, however many take all that they may.
 */
export class EvenShares<Name> {
  /** How many there are. */
  most: number;
  readonly #of = new Map<Name, number>();
  #size = 0;

  /** None has any. */
  constructor(most: number) {
    this.most = most;
  }

  /** How many all have, which may be more than there are. */
  get size(): number {
    return this.#size;
  }

  /** Whether one has as many as it may, or as a part of these. */
  isFull(name: Name, part = 1): boolean {
    const { most } = this;
    const least = this.#size < 2 * most ? most * LEAST : 0;
    const share = (most - this.#size) * part;
    return (this.#of.get(name) ?? 0) >= Math.max(1, least, share);
  }

  /** One has one more. */
  take(name: Name): void {
    this.#size++;
    this.#of.set(name, (this.#of.get(name) ?? 0) + 1);
  }

  /** One has one less, or so many. */
  give(name: Name, count = 1): void {
    if (count === 0) return;
    this.#size -= count;
    const left = this.#of.get(name)! - count;
    if (left === 0) this.#of.delete(name);
    else this.#of.set(name, left);
  }
}
