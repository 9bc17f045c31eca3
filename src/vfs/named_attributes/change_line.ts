import type { Awaitable } from "../../base/awaitable.ts";
import { FsError } from "../errors.ts";

/**
 * Changes of attributes one after the other, those of each bearer by themselves: a
 * part of a value is written by reading, changing and setting all of it. They wait
 * only where the file system does; when it does not answer one of them, those behind
 * it are put off as that is, or each would wait as long again.
 */
export class ChangeLine {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Makes a change of an attribute of `bearer`, in its turn. */
  change<T>(bearer: string, make: () => Awaitable<T>): Awaitable<T> {
    const before = this.#last.get(bearer);
    const made = before === undefined ? make() : before.then(make, (error) => {
      if (FsError.from(error)?.code === "busy") throw error;
      return make();
    });
    if (!(made instanceof Promise)) return made;
    const leave = () => {
      if (this.#last.get(bearer) === made) this.#last.delete(bearer);
    };
    this.#last.set(bearer, made);
    made.then(leave, leave);
    return made;
  }
}
