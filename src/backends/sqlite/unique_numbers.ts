import type { Companion } from "./transaction.ts";

/** Numbers set aside at a time: writing the ceiling is once in so many, or in half of them. */
const BLOCK = 65536;
/** More than any one operation takes. */
const LOW = 16;

/**
 * The numbers that never come again: file numbers, cookies and change counters
 * all come from here, in one row that only grows.
 *
 * The row holds a ceiling that no number in use has passed. A restart goes on
 * above it, so a number that was given out and lost in a crash is not given
 * again: else a client could take new content for what it has in its cache, and
 * its filehandle would name the file of another user.
 *
 * So no client may hear of a number before the ceiling above it is as safe as
 * the store gets. Where replies wait for the commit and its fsync, the ceiling
 * may be in the same transaction. Where they don't, it is there before: see
 * {@linkcode Transaction.extendAhead}.
 */
export class UniqueNumbers implements Companion {
  #last: number;
  #ceiling: number;
  /** The ceiling that the last commit had. */
  #committed: number;
  /** Whether that is newer than the last sync of it. */
  #isUnsynced = false;
  readonly #save: (ceiling: number) => void;

  /** Goes on above `ceiling`; `save` writes a new one in the open transaction. */
  constructor(ceiling: number, save: (ceiling: number) => void) {
    this.#last = this.#ceiling = this.#committed = ceiling;
    this.#save = save;
  }

  /** Whether {@linkcode extend} has to come before {@linkcode next}. */
  get isLow(): boolean {
    return this.#ceiling - this.#last < LOW;
  }

  /** Whether a new ceiling was committed and not {@linkcode synced}. */
  get isUnsynced(): boolean {
    return this.#isUnsynced;
  }

  /** Sets the next block aside. */
  extend(): void {
    this.#save(this.#ceiling + BLOCK);
    this.#ceiling += BLOCK;
  }

  /** With the commits that there are anyway, long before it is low. */
  save(): void {
    if (this.#ceiling - this.#last < BLOCK / 2) this.extend();
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    if (this.#committed !== this.#ceiling) this.#isUnsynced = true;
    this.#committed = this.#ceiling;
  }

  /** The ceiling that was committed is on disk. */
  synced(): void {
    this.#isUnsynced = false;
  }

  /** The ceiling was not saved after all: beyond the one before it, the next number needs another. */
  undone(): void {
    this.#ceiling = Math.max(this.#last, this.#committed);
  }

  /** The next number; up to 2^52 and more than a disk can hold of them. */
  next(): number {
    return ++this.#last;
  }
}
