import { askedBy } from "../../base/asker.ts";
import { SharedPlaces } from "../../base/shared_places.ts";

/** Folders that are read at the same time, of those that take more than one turn. */
const ALL = 64;
/** Of them, those that are read for one party. */
export const PLACES = 4;

/** A folder that waits for a place. */
interface Waiting<T> {
  /** What reading it comes to. */
  readonly outcome: Promise<T>;
  readonly giveUp: (reason: Error) => void;
}

/**
 * Bounds how many folders are read at a time, of them all and for the party that
 * asks: each takes a descriptor, and memory for what was read of it.
 */
export class ReadingPlaces<Folder, T> {
  readonly #places = new SharedPlaces(ALL, {
    party: PLACES / ALL,
    connection: PLACES / ALL,
  });
  /** By party. */
  readonly #waiting = new Map<string, Map<Folder, Waiting<T>>>();
  #end: Error | undefined;

  /** A place for the party that asks; `undefined` where there is none. */
  take(): Disposable | undefined {
    const asker = askedBy();
    if (!this.#places.tryToEnter(asker)) return undefined;
    return { [Symbol.dispose]: () => this.#places.leave(asker) };
  }

  /** What a folder comes to that waits for a place of the party that asks. */
  waiting(folder: Folder): Promise<T> | undefined {
    return this.#waiting.get(askedBy().party)?.get(folder)?.outcome;
  }

  /** Has `read` done when the party that asks has a place for it, which it may leave. */
  wait(folder: Folder, read: (leave: () => void) => Promise<T>): Promise<T> {
    const { party } = askedBy();
    const own = this.#waiting.get(party) ?? new Map<Folder, Waiting<T>>();
    const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.set(party, own.set(folder, { outcome, giveUp: reject }));
    const begin = (leave: () => void) => {
      own.delete(folder);
      if (own.size === 0) this.#waiting.delete(party);
      return this.#end === undefined ? read(leave) : Promise.reject(this.#end);
    };
    this.#places.run(begin).then(resolve, reject);
    return outcome;
  }

  /** Gives up all that wait. */
  giveUp(reason: Error): void {
    this.#end = reason;
    for (const own of this.#waiting.values()) {
      for (const { giveUp } of own.values()) giveUp(reason);
    }
  }
}
