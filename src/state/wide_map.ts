/** Entries at which a map is divided. */
const MANY = 512;
/** Into so many, a power of two. */
const PARTS = 32;

/**
 * A Map that grows a little at a time. A Map itself makes room for twice as
 * many in one go, which takes milliseconds at some ten thousands; and what one
 * request adds is in several of them, which all are full at the same request.
 * Its order means nothing.
 */
export class WideMap<K, V> {
  readonly #partOf: (key: K) => number;
  #parts: Map<K, V>[] = [new Map()];
  #size = 0;

  /** `partOf`: an integer of the key, whose lowest bits differ from key to key. */
  constructor(partOf: (key: K) => number) {
    this.#partOf = partOf;
  }

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    return this.#of(key).get(key);
  }

  /** Whether there is an entry. */
  has(key: K): boolean {
    return this.#of(key).has(key);
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): this {
    const part = this.#of(key);
    this.#size -= part.size;
    part.set(key, value);
    this.#size += part.size;
    if (part.size > MANY && this.#parts.length === 1) this.#divide(part);
    return this;
  }

  /** Removes an entry; returns whether there was one. */
  delete(key: K): boolean {
    const found = this.#of(key).delete(key);
    if (found) this.#size--;
    return found;
  }

  /** All values, which may be removed meanwhile. */
  *values(): Generator<V> {
    for (const part of this.#parts) yield* part.values();
  }

  #of(key: K): Map<K, V> {
    const parts = this.#parts;
    return parts.length === 1
      ? parts[0]!
      : parts[this.#partOf(key) & PARTS - 1]!;
  }

  #divide(all: Map<K, V>): void {
    this.#parts = Array.from({ length: PARTS }, () => new Map());
    for (const [key, value] of all) this.#of(key).set(key, value);
  }
}

/** What spreads texts that differ at their ends. */
export function spreadOf(text: string): number {
  let spread = 0;
  for (let i = Math.max(0, text.length - 8); i < text.length; i++) {
    spread = Math.imul(spread, 31) + text.charCodeAt(i) | 0;
  }
  return spread;
}
