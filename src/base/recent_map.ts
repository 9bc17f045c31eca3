/** How a {@linkcode RecentMap} counts and forgets. */
export interface RecentOptions<K, V> {
  /** What a value counts; 1 where absent. */
  readonly weigh?: (value: V) => number;
  /** Asked when a value is about to be forgotten; true keeps it, not counted. */
  readonly keep?: (value: V, key: K) => boolean;
  /** Told of each value that was forgotten by age. */
  readonly evict?: (value: V, key: K) => void;
}

/**
 * A map that forgets what was not used lately. It holds between `limit` and
 * twice as much, in two generations: when the young one is full it becomes the
 * old one, and what was not asked for since the last time is gone. What is in
 * use costs one look.
 */
export class RecentMap<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  #weight = 0;
  /** Of the sum of weights in a generation. */
  limit: number;
  readonly #weigh: (value: V) => number;
  readonly #keep: RecentOptions<K, V>["keep"];
  readonly #evict: RecentOptions<K, V>["evict"];

  /** Empty; see {@linkcode RecentMap.limit}. */
  constructor(
    limit: number,
    { weigh = () => 1, keep, evict }: RecentOptions<K, V> = {},
  ) {
    this.limit = limit;
    this.#weigh = weigh;
    this.#keep = keep;
    this.#evict = evict;
  }

  /** The value of a key that is remembered. */
  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Remembers a value; another one of that key is forgotten. */
  set(key: K, value: V): void {
    const before = this.#young.get(key);
    if (before === value) return;
    this.#old.delete(key);
    if (before !== undefined) this.#weight -= this.#weigh(before);
    else if (this.#weight >= this.limit) this.#turn();
    this.#young.set(key, value);
    this.#weight += this.#weigh(value);
  }

  /** Forgets a key. */
  delete(key: K): void {
    this.#old.delete(key);
    const before = this.#young.get(key);
    if (before === undefined) return;
    this.#weight -= this.#weigh(before);
    this.#young.delete(key);
  }

  /** The keys that are remembered, those of the older generation first. */
  *keys(): Generator<K> {
    yield* this.#old.keys();
    yield* this.#young.keys();
  }

  #turn(): void {
    const gone = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#weight = 0;
    if (this.#keep === undefined && this.#evict === undefined) return;
    for (const [key, value] of gone) {
      if (this.#keep?.(value, key)) this.#young.set(key, value);
      else this.#evict?.(value, key);
    }
  }
}
