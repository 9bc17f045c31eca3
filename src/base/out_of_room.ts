import type { Clock } from "./clock.ts";
import { hostCode } from "./host_error.ts";
import { sleep } from "./timers.ts";

/** Tries to open something before it is given up. */
const TRIES = 20;
/** Milliseconds between two of them. */
const PAUSE_MS = 50;

/** What the host says when it has no descriptor or no memory left; it ends when something else does. */
const ROOM: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
]);

/** Whether something failed because descriptors or memory have run out. */
export function isOutOfRoom(error: unknown): boolean {
  return ROOM.has(hostCode(error));
}

/** What `open` comes to; tried again for a second by `clock` while the host has no room for it. */
export async function withRoom<T>(
  clock: Clock,
  open: () => Promise<T>,
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await open();
    } catch (error) {
      if (tries === TRIES || !isOutOfRoom(error)) throw error;
      await sleep(clock, PAUSE_MS);
    }
  }
}
