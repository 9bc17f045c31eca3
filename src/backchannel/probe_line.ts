import type { V40CallbackPath } from "./v40_callback_path.ts";

/** The paths to one address that wait. */
interface Waiting {
  /** Those that were never tried. */
  readonly fresh: Set<V40CallbackPath>;
  /** Those that were, and are down. */
  readonly again: Set<V40CallbackPath>;
}

/**
 * The paths that wait to be proved. Each address has its turn, however many
 * clients it has, and those of its paths come first that were never tried.
 */
export class ProbeLine {
  /** By address, the one whose turn it is first. */
  readonly #waiting = new Map<string, Waiting>();

  /** Adds a path, unless it waits already. */
  add(path: V40CallbackPath): void {
    const { network } = path;
    let waiting = this.#waiting.get(network);
    if (waiting === undefined) {
      waiting = { fresh: new Set(), again: new Set() };
      this.#waiting.set(network, waiting);
    }
    (path.isTried ? waiting.again : waiting.fresh).add(path);
  }

  /** It does not wait any more. */
  delete(path: V40CallbackPath): void {
    const { network } = path;
    const waiting = this.#waiting.get(network);
    if (waiting === undefined) return;
    const { fresh, again } = waiting;
    fresh.delete(path);
    again.delete(path);
    if (fresh.size + again.size === 0) this.#waiting.delete(network);
  }

  /** Takes the path that is next; `undefined` where none waits. */
  take(): V40CallbackPath | undefined {
    for (const [network, waiting] of this.#waiting) {
      const [path] = waiting.fresh.size > 0 ? waiting.fresh : waiting.again;
      this.delete(path!);
      // Behind the other addresses.
      if (this.#waiting.delete(network)) this.#waiting.set(network, waiting);
      return path;
    }
    return undefined;
  }
}
