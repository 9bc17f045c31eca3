/** How a {@linkcode RecentMap} counts and forgets. */
export interface RecentOptions<K, V> {
  /** What a value counts; 1 where absent. */
  readonly weigh?: (value: V) => number;
  /** Asked when a value is about to be forgotten; true keeps it, not counted. */
  readonly keep?: (value: V, key: K) => boolean;
  /** Told of each value that was forgotten by age. */
  readonly evict?: (value: V, key: K) => void;
}

/** So many times as much leaves as comes, for as long as something is to leave. */
const LEAVING = 2;

/**
 * A map that forgets what was not used lately. It holds between `limit` and
 * twice as much, in two generations: when the young one is full it becomes the
 * old one, and what was not asked for since the last time leaves. Where each that
 * leaves is asked after or told of, that is done for a few whenever one comes:
 * there may be thousands, with a file to be closed for each. What is in use costs
 * one look.
 */
export class RecentMap<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  /** What is to leave, unless it is asked for. */
  #leaving = new Map<K, V>();
  #leavers = this.#leaving.entries();
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
    const older = this.#old.get(key) ?? this.#leaving.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  /** Remembers a value; another one of that key is forgotten. */
  set(key: K, value: V): void {
    const before = this.#young.get(key);
    if (before === value) return;
    const weight = this.#weigh(value);
    this.#forgetOlder(key);
    if (before !== undefined) this.#weight -= this.#weigh(before);
    else if (this.#weight >= this.limit) this.#turn();
    this.#leave(LEAVING * weight);
    this.#young.set(key, value);
    this.#weight += weight;
  }

  /** Forgets a key. */
  delete(key: K): void {
    this.#forgetOlder(key);
    const before = this.#young.get(key);
    if (before === undefined) return;
    this.#weight -= this.#weigh(before);
    this.#young.delete(key);
  }

  /** The keys that are remembered, those of the older generation first. */
  *keys(): Generator<K> {
    yield* this.#leaving.keys();
    yield* this.#old.keys();
    yield* this.#young.keys();
  }

  #forgetOlder(key: K): void {
    this.#old.delete(key);
    if (this.#leaving.size > 0) this.#leaving.delete(key);
  }

  #turn(): void {
    this.#leave(Infinity);
    if (this.#keep !== undefined || this.#evict !== undefined) {
      this.#leaving = this.#old;
      this.#leavers = this.#leaving.entries();
    }
    this.#old = this.#young;
    this.#young = new Map();
    this.#weight = 0;
  }

  /** Some leave, that count as much. */
  #leave(weight: number): void {
    for (let left = weight; left > 0 && this.#leaving.size > 0;) {
      const [key, value] = this.#leavers.next().value!;
      this.#leaving.delete(key);
      left -= this.#weigh(value);
      if (this.#keep?.(value, key)) this.#young.set(key, value);
      else this.#evict?.(value, key);
    }
  }
}
