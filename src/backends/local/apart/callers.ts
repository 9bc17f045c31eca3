import type { Asker } from "../../../base/asker.ts";
import type { SentAsker } from "./calls.ts";

/** A connection that has the worker do something. */
export interface Caller extends Asker {
  /** Its number. */
  readonly connection: number;
  /** Its calls that are under way. */
  calls: number;
}

/**
 * The connections whose calls are under way: one asker each, with whichever
 * messages the calls come, as what it asks for first is to be done first, and as
 * those of one party take turns here as well.
 */
export class Callers {
  readonly #busy = new Map<number, Caller>();

  /** The one of this number. */
  of({ party, connection }: SentAsker): Caller {
    return this.#busy.get(connection) ?? { party, connection, calls: 0 };
  }

  /** A call of one goes on until the result is disposed of. */
  going(caller: Caller): Disposable {
    const { connection } = caller;
    if (caller.calls++ === 0) this.#busy.set(connection, caller);
    return {
      [Symbol.dispose]: () => {
        if (--caller.calls === 0) this.#busy.delete(connection);
      },
    };
  }
}
