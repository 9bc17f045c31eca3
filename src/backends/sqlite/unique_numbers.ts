import type { Timestamp } from "../../vfs/mod.ts";
import type { Companion } from "./transaction.ts";

/** Numbers set aside at a time: writing the ceiling is once in so many, or in half of them. */
const BLOCK = 65536;
/** More than any one operation takes. */
const LOW = 16;
/** Numbers for each millisecond of the clock: several times what a store can give out in one. */
const PER_MILLISECOND = 1024;
/** In milliseconds since 1970: before any store that goes by the clock. */
const FIRST_DAY = Date.UTC(2026, 0, 1);
/** What the clock reaches after 139 years; as many again are left to a store whose clock was wrong. */
const MOST_BY_CLOCK = 2 ** 52;
/** Up to so many numbers are passed by where the clock does not tell lives apart. */
const JUMP = 2 ** 32;

/**
 * Above which number a life of a store begins: from opening to closing it.
 *
 * A store may be put back from its backup, or a copy of it served, or the snapshot
 * of a whole disk: two lives then begin with the same ceiling, and clients may know
 * the numbers of both. So a life begins where the clock is, which no life that began
 * before has reached. Where the clock is behind the ceiling (it was set back, or the
 * life before took some milliseconds) a random jump makes it unlikely that two meet.
 */
export function beginningOfLife(
  ceiling: number,
  { seconds, nanoseconds }: Timestamp,
): number {
  const milliseconds = seconds * 1000 + nanoseconds / 1_000_000 - FIRST_DAY;
  const byClock = Math.floor(milliseconds * PER_MILLISECOND);
  if (byClock > ceiling && byClock <= MOST_BY_CLOCK) return byClock;
  return ceiling + Math.floor(Math.random() * JUMP);
}

/**
 * The numbers that never come again: file numbers, cookies and change counters
 * all come from here, in one row that only grows.
 *
 * The row holds a ceiling that no number in use has passed. A restart goes on
 * above it ({@linkcode beginningOfLife}), so a number that was given out and lost
 * in a crash, or with what a backup has replaced, is not given again: else a client
 * could take new content for what it has in its cache, and its filehandle would
 * name the file of another user.
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

  /** Goes on above `beginning`; `save` writes a new ceiling in the open transaction. */
  constructor(beginning: number, save: (ceiling: number) => void) {
    this.#last = this.#ceiling = this.#committed = beginning;
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

  /** The next number, below 2^53. */
  next(): number {
    return ++this.#last;
  }
}
