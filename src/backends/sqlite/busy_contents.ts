/** Commits that are looked back on, to twice as many. */
const COMMITS = 16;
/** Contents that are few. */
const FEW_CONTENTS = 8;
/** Writes to a content that are many, for each commit that it was part of. */
const MANY_WRITES = 4;

interface Tally {
  writes: number;
  commits: number;
  /** The last commit that is counted. */
  last: number;
}

/**
 * Tells for small durable writes whether their content is better synced itself
 * than journaled: where few contents get many writes each, their fsyncs, all at
 * once, cost less than writing everything twice.
 *
 * It goes by what came lately and not by the last commit alone, because clients
 * take turns: while one's writes wait for their fsync, another's gather.
 */
export class BusyContents {
  #now = new Map<number, Tally>();
  #before = new Map<number, Tally>();
  #commit = 0;

  /** Counts a write to a content, and says whether that is busy. */
  note(content: number): boolean {
    const tally = this.#now.get(content);
    if (tally === undefined) {
      this.#now.set(content, { writes: 1, commits: 1, last: this.#commit });
    } else {
      tally.writes++;
      if (tally.last !== this.#commit) tally.commits++;
      tally.last = this.#commit;
    }
    const before = this.#before.get(content);
    return before !== undefined &&
      this.#before.size <= FEW_CONTENTS &&
      before.writes >= MANY_WRITES * before.commits;
  }

  /** What is noted from here on is part of another commit. */
  committed(): void {
    this.#commit++;
    if (this.#commit % COMMITS > 0) return;
    this.#before = this.#now;
    this.#now = new Map();
  }
}
