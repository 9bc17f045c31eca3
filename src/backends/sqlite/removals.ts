import { fewAtOnce } from "../../base/few_at_once.ts";
import { hostThreads } from "../common/host_threads.ts";

/** Files without an owner that are removed at once. */
const AT_ONCE = 2;
/** Files that are removed yet when the store is being closed; the rest is left to the next start. */
export const MOST_AT_THE_END: number = 256;

/**
 * Files of contents that are going, by other threads and each party's in turns: a
 * file may be gigabytes, and one client may have removed 100,000 of them. What is
 * not removed when the store is closed, or by the host, no file has any more; the
 * next start finds it.
 */
export class Removals {
  /** Whether some are left. */
  hasLeftovers = false;
  /** How many may be begun. */
  #left = Infinity;
  readonly #works = new Set<Promise<void>>();

  /** Removes one, for the party that asks; not before it is `closed`, or the close would take as long. */
  begin(path: string, closed?: Promise<void>): void {
    const remove = () => this.#remove(path);
    this.#follow(closed === undefined ? remove() : closed.then(remove));
  }

  /** Removes many that a life before has left, a few at a time. */
  beginAll(paths: Iterable<string>): void {
    const work = fewAtOnce(
      this.#withinLimit(paths),
      AT_ONCE,
      (path) => this.#remove(path),
    );
    this.#follow(work);
  }

  /** One can't be begun. */
  leave(): void {
    this.hasLeftovers = true;
  }

  /** Resolves when none is under way. */
  async ended(): Promise<void> {
    await Promise.all(this.#works);
  }

  /** Ends the work. */
  async end(): Promise<void> {
    this.#left = MOST_AT_THE_END;
    await this.ended();
  }

  *#withinLimit(paths: Iterable<string>): Generator<string> {
    for (const path of paths) {
      if (this.#left <= 0) return this.leave();
      yield path;
    }
  }

  /** Never rejects. */
  async #remove(path: string): Promise<void> {
    try {
      await hostThreads.long.run(async () => {
        if (this.#left <= 0) return this.leave();
        this.#left--;
        await Deno.remove(path);
      });
    } catch (error) {
      // A file that has nothing but holes was never made.
      if (!(error instanceof Deno.errors.NotFound)) this.leave();
    }
  }

  #follow(work: Promise<void>): void {
    const followed: Promise<void> = work.finally(() =>
      this.#works.delete(followed)
    );
    this.#works.add(followed);
  }
}
