/**
 * A map that forgets what was not used lately. It holds between `limit` and
 * twice as much, in two generations: when the young one is full it becomes the old
 * one, and what nobody asked for since the last time is gone. What is in use
 * costs one look, and forgetting costs nothing for each entry.
 */
export class RecentMap<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  #weight = 0;
  readonly #limit: number;
  readonly #weigh: (value: V) => number;

  /** `limit`: of the sum of weights in a generation; an entry weighs 1 where `weigh` is absent. */
  constructor(limit: number, weigh: (value: V) => number = () => 1) {
    this.#limit = limit;
    this.#weigh = weigh;
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
    if (before !== undefined) this.#weight -= this.#weigh(before);
    this.#old.delete(key);
    this.#young.set(key, value);
    this.#weight += this.#weigh(value);
    if (this.#weight < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#weight = 0;
  }

  /** Forgets a key. */
  delete(key: K): void {
    this.#old.delete(key);
    const before = this.#young.get(key);
    if (before === undefined) return;
    this.#weight -= this.#weigh(before);
    this.#young.delete(key);
  }
}
