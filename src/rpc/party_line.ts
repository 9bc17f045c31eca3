/** A line in which the parties are served in turns, however many of each wait. */
export class PartyLine<T> {
  /** The party that was served last comes last. */
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** One of a party waits behind its others. */
  push(party: string, one: T): void {
    this.#size++;
    const others = this.#waiting.get(party);
    if (others === undefined) this.#waiting.set(party, [one]);
    else others.push(one);
  }

  /** The next; `undefined` where none waits. */
  shift(): T | undefined {
    for (const [party, waiting] of this.#waiting) {
      this.#size--;
      const next = waiting.shift();
      this.#waiting.delete(party);
      if (waiting.length > 0) this.#waiting.set(party, waiting);
      return next;
    }
    return undefined;
  }
}
