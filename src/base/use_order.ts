/** One of an order: which were used just before and just after it. */
export interface Ordered<T> {
  earlier: T | undefined;
  later: T | undefined;
}

/**
 * Some by their last use. To move one, and to come by the first, costs the same
 * however many there are: a Set looks through the places of all that have left it.
 */
export class UseOrder<T extends Ordered<T>> {
  #first: T | undefined;
  #last: T | undefined;

  /** The one that was used longest ago. */
  get first(): T | undefined {
    return this.#first;
  }

  /** One that is in no order is used. */
  add(one: T): void {
    one.earlier = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.later = one;
    this.#last = one;
  }

  /** One of it leaves. */
  remove(one: T): void {
    const { earlier, later } = one;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    one.earlier = one.later = undefined;
  }

  /** One of it is used. */
  use(one: T): void {
    if (this.#last === one) return;
    this.remove(one);
    this.add(one);
  }
}
