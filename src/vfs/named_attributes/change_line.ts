import { askedBy } from "../../base/asker.ts";
import type { Awaitable } from "../../base/awaitable.ts";
import { GivenUp, OngoingCall } from "../../base/ongoing_call.ts";
import { SharedPlaces } from "../../base/shared_places.ts";
import { FsError } from "../errors.ts";

/** Those who change attributes of one bearer. */
interface Line {
  /** One place, which parties have in turns. */
  readonly place: SharedPlaces;
  readonly waiting: Set<OngoingCall>;
}

/**
 * Changes of attributes one after the other, those of each bearer by themselves: a
 * part of a value is written by reading, changing and setting all of it. They wait
 * only where the file system does, or takes its turns; when it does not answer one of
 * them, those behind it are put off as that is, or each would wait as long again.
 */
export class ChangeLine {
  readonly #lines = new Map<string, Line>();

  /** Makes a change of an attribute of `bearer`, in its turn. */
  change<T>(bearer: string, make: () => Awaitable<T>): Awaitable<T> {
    let line = this.#lines.get(bearer);
    if (line === undefined) {
      const place = new SharedPlaces(1, { party: 1, connection: 1 });
      line = { place, waiting: new Set() };
      this.#lines.set(bearer, line);
    }
    const asker = askedBy();
    const isFirst = line.place.tryToEnter(asker);
    const leave = () => {
      line.place.leave(asker);
      if (line.place.count === 0) this.#lines.delete(bearer);
    };
    if (!isFirst) return this.#wait(line, make, leave);
    try {
      const made = make();
      if (made instanceof Promise) return this.#made(line, made, leave);
      leave();
      return made;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #wait<T>(
    line: Line,
    make: () => Awaitable<T>,
    leave: () => void,
  ): Promise<T> {
    const call = new OngoingCall();
    line.waiting.add(call);
    try {
      await line.place.enter(askedBy(), call);
    } catch (error) {
      throw error instanceof GivenUp ? new FsError("busy") : error;
    } finally {
      line.waiting.delete(call);
    }
    return await this.#made(line, (async () => await make())(), leave);
  }

  async #made<T>(
    { waiting }: Line,
    made: Promise<T>,
    leave: () => void,
  ): Promise<T> {
    try {
      return await made;
    } catch (error) {
      if (FsError.from(error)?.code === "busy") {
        for (const call of [...waiting]) call.giveUp();
      }
      throw error;
    } finally {
      leave();
    }
  }
}
