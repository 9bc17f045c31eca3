/** Numbers set aside at a time: writing the ceiling is once in so many. */
const BLOCK = 65536;
/** More than any one operation takes. */
const LOW = 16;

/**
 * The numbers that never come again: file numbers, cookies and change counters
 * all come from here, in one row that only grows.
 *
 * The row holds a ceiling that no number in use has passed. A restart goes on
 * above it, so a number that was given out and lost in a crash is not given
 * again: else a client could take new content for what it has in its cache.
 */
export class UniqueNumbers {
  #last: number;
  #ceiling: number;
  readonly #save: (ceiling: number) => void;

  /** Goes on above `ceiling`; `save` writes a new one in the open transaction. */
  constructor(ceiling: number, save: (ceiling: number) => void) {
    this.#last = this.#ceiling = ceiling;
    this.#save = save;
  }

  /** Whether {@linkcode extend} has to come before {@linkcode next}. */
  get isLow(): boolean {
    return this.#ceiling - this.#last < LOW;
  }

  /** Sets the next block aside. */
  extend(): void {
    this.#save(this.#ceiling + BLOCK);
    this.#ceiling += BLOCK;
  }

  /** The ceiling was not saved after all: the next number needs another. */
  undone(): void {
    this.#ceiling = this.#last;
  }

  /** The next number; up to 2^52 and more than a disk can hold of them. */
  next(): number {
    return ++this.#last;
  }
}
