import { askedBy } from "../../base/asker.ts";

/** Folders that are read for a party at the same time, of those that take more than one turn. */
export const PLACES = 4;

/** A folder that waits for a place, and what reading it comes to. */
interface Waiting<T> {
  readonly begin: () => void;
  readonly giveUp: (reason: Error) => void;
  readonly outcome: Promise<T>;
}

/** What a party has taken, and its folders that wait, the longest first. */
interface Party<Folder, T> {
  readonly name: string;
  taken: number;
  readonly waiting: Map<Folder, Waiting<T>>;
}

/**
 * Bounds how many folders are read at a time for the party that asks: each takes
 * a descriptor, and memory for what was read of it. None waits for those of another.
 */
export class ReadingPlaces<Folder, T> {
  readonly #parties = new Map<string, Party<Folder, T>>();

  /** A place for the party that asks; `undefined` where it has taken all of its. */
  take(): Disposable | undefined {
    const party = this.#party();
    if (party.taken >= PLACES) return undefined;
    party.taken++;
    return { [Symbol.dispose]: () => this.#leave(party) };
  }

  /** What a folder comes to that waits for a place of the party that asks. */
  waiting(folder: Folder): Promise<T> | undefined {
    return this.#parties.get(askedBy().party)?.waiting.get(folder)?.outcome;
  }

  /** Has `read` done when the party that asks has a place for it. */
  wait(folder: Folder, read: () => Promise<T>): Promise<T> {
    const party = this.#party();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outcome = promise.then(async () => {
      try {
        return await read();
      } finally {
        this.#leave(party);
      }
    });
    party.waiting.set(folder, { begin: resolve, giveUp: reject, outcome });
    this.#serve(party);
    return outcome;
  }

  /** Gives up all that wait. */
  giveUp(reason: Error): void {
    for (const { waiting } of this.#parties.values()) {
      for (const { giveUp } of waiting.values()) giveUp(reason);
      waiting.clear();
    }
  }

  #party(): Party<Folder, T> {
    const name = askedBy().party;
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { name, taken: 0, waiting: new Map() };
      this.#parties.set(name, party);
    }
    return party;
  }

  #leave(party: Party<Folder, T>): void {
    party.taken--;
    this.#serve(party);
    if (party.taken === 0) this.#parties.delete(party.name);
  }

  #serve(party: Party<Folder, T>): void {
    for (const [folder, { begin }] of party.waiting) {
      if (party.taken >= PLACES) return;
      party.waiting.delete(folder);
      party.taken++;
      begin();
    }
  }
}
