import { AsyncLocalStorage } from "node:async_hooks";

/** For whom work is done: a connection, or a port. */
export interface Asker {
  /** With whom it shares what each party has: `Connection.party`. */
  readonly party: string;
}

/** The server, where it does something by itself, or for all clients: a party like others. */
export const OWN: Asker = { party: "" };

const askers = new AsyncLocalStorage<Asker>();

/**
 * Does work for `who`: also what comes of it later, in whichever turn, for what
 * it awaits goes on so. It costs a request nothing where a connection does all
 * of its reading in it.
 */
export function workFor<T>(who: Asker, work: () => T): T {
  return askers.run(who, work);
}

/**
 * For whom the work is that goes on: a file system is not told by its methods who
 * calls, and has to share out what it has few of all the same. {@linkcode OWN}
 * where no request has begun it.
 */
export function askedBy(): Asker {
  return askers.getStore() ?? OWN;
}
