/** Files that go with a commit of others, whose replies wait for it: a page of the log each, or two. */
const MOST_FILES = 16;
/** Bytes of their rows, which SQLite goes through page by page: a millisecond. */
const MOST_BYTES = 2 ** 20;

/** What goes with one commit: a few files, or one that has more rows than those. */
export class Portion {
  #files = 0;
  #bytes = 0;

  /** Whether the others are for a later commit. */
  get isFull(): boolean {
    return this.#files >= MOST_FILES || this.#bytes >= MOST_BYTES;
  }

  /** One goes that has so many bytes of rows besides its own. */
  add(bytes: number): void {
    this.#files++;
    this.#bytes += bytes;
  }
}
