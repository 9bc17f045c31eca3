/** Who takes turns, and how many milliseconds of them it had: the one that has had the least is next. */
export interface Taker {
  /** Milliseconds, at least as many as the last one that was served had had. */
  had: number;
}

/** Those that wait for turns, the one that has had the least first. */
export class FairLine<T extends Taker> {
  readonly #queue: T[] = [];
  /** What the last one that was served had had before: none that waits has had less. */
  #least = 0;

  /** How many wait. */
  get size(): number {
    return this.#queue.length;
  }

  /** What the last one that was served had had before, in milliseconds. */
  get least(): number {
    return this.#least;
  }

  /** One waits, behind those that have had as much. None saves turns up. */
  push(one: T): void {
    one.had = Math.max(one.had, this.#least);
    const queue = this.#queue;
    let low = 0;
    for (let high = queue.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (queue[middle]!.had <= one.had) low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, one);
  }

  /** The next; there must be one. */
  shift(): T {
    const one = this.#queue.shift()!;
    this.#least = one.had;
    return one;
  }
}
