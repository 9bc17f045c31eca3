import type { Asker } from "../../../base/asker.ts";

/** A party that has the worker do something. */
export interface Caller extends Asker {
  /** Its calls that are under way. */
  calls: number;
}

/**
 * The parties whose calls are under way: one asker each, with whichever messages
 * the calls come, as what it asks for first is to be done first.
 */
export class Callers {
  readonly #busy = new Map<string, Caller>();

  /** The party of this name. */
  named(party: string): Caller {
    return this.#busy.get(party) ?? { party, calls: 0 };
  }

  /** A call of a party goes on until the result is disposed of. */
  going(caller: Caller): Disposable {
    const { party } = caller;
    if (caller.calls++ === 0) this.#busy.set(party, caller);
    return {
      [Symbol.dispose]: () => {
        if (--caller.calls === 0) this.#busy.delete(party);
      },
    };
  }
}
