/**
 * The keys used lately, at least the last `limit` of them and at most twice as
 * many. Two generations instead of a linked list: a key in use costs one look.
 */
export class Recent<K> {
  #young = new Set<K>();
  #old = new Set<K>();
  readonly #limit: number;
  readonly #evict: (key: K) => void;

  /** `evict` is told of each key that falls out by age. */
  constructor(limit: number, evict: (key: K) => void = () => {}) {
    this.#limit = limit;
    this.#evict = evict;
  }

  /** The key was used. */
  touch(key: K): void {
    if (this.#young.has(key)) return;
    this.#old.delete(key);
    this.#young.add(key);
    if (this.#young.size < this.#limit) return;
    const gone = this.#old;
    this.#old = this.#young;
    this.#young = new Set();
    for (const each of gone) this.#evict(each);
  }

  /** Whether the key was used lately. */
  has(key: K): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  /** Forgets a key without evicting it. */
  delete(key: K): void {
    if (!this.#young.delete(key)) this.#old.delete(key);
  }

  /** All of them, oldest generation first. */
  *keys(): Generator<K> {
    yield* this.#old;
    yield* this.#young;
  }
}
