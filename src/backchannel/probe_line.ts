import type { V40CallbackPath } from "./v40_callback_path.ts";

/** The paths to the clients of one party that wait. */
interface Waiting {
  /** Those that were never tried. */
  readonly fresh: Set<V40CallbackPath>;
  /** Those that were, and are down. */
  readonly again: Set<V40CallbackPath>;
}

/**
 * The paths that wait to be proved. Each party has its turn, however many
 * clients it has, and those of its paths come first that were never tried.
 */
export class ProbeLine {
  /** By party, the one whose turn it is first. */
  readonly #waiting = new Map<string, Waiting>();

  /** Adds a path, unless it waits already. */
  add(path: V40CallbackPath): void {
    const { party } = path.client;
    let waiting = this.#waiting.get(party);
    if (waiting === undefined) {
      waiting = { fresh: new Set(), again: new Set() };
      this.#waiting.set(party, waiting);
    }
    (path.isTried ? waiting.again : waiting.fresh).add(path);
  }

  /** It does not wait any more. */
  delete(path: V40CallbackPath): void {
    const { party } = path.client;
    const waiting = this.#waiting.get(party);
    if (waiting === undefined) return;
    const { fresh, again } = waiting;
    fresh.delete(path);
    again.delete(path);
    if (fresh.size + again.size === 0) this.#waiting.delete(party);
  }

  /** Takes the path that is next; `undefined` where none waits. */
  take(): V40CallbackPath | undefined {
    for (const [party, waiting] of this.#waiting) {
      const [path] = waiting.fresh.size > 0 ? waiting.fresh : waiting.again;
      this.delete(path!);
      // Behind the other parties.
      if (this.#waiting.delete(party)) this.#waiting.set(party, waiting);
      return path;
    }
    return undefined;
  }
}
