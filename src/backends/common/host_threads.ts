import { SharedPlaces } from "../../base/shared_places.ts";

/**
 * Threads for calls of the host that may wait for its disk, of the 32 that Deno
 * (2.9) has for all that the process asks of the host: what it has no thread for
 * waits in the order of asking, so it is asked for no more than there are threads
 * for, and what may take up to minutes takes few of them.
 */
export const hostThreads = {
  /** For calls that the host has answered when its disk has: reads, writes, syncs. */
  short: new SharedPlaces(18, { party: 5 / 6, connection: 5 / 6 }),
  /** For cuts and removals that give back much: up to minutes. */
  long: new SharedPlaces(6, { party: 1 / 2, connection: 1 / 2 }),
  /** For closes that do, by the owners of the files: no operation waits for them. */
  closes: new SharedPlaces(6, { party: 1 / 2, connection: 1 / 2 }),
} as const;
