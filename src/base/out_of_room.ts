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

/** Causes of an error that are looked at; they may lead round in a circle. */
const MOST_CAUSES = 8;

/**
 * Takes the stack traces of an error and its causes away where one says that
 * there is no room. Deno opens something for the first look at a trace, and a
 * process that has no descriptor for that ends: a logger must not look.
 */
export function dropTraces(value: unknown): void {
  const chain: Error[] = [];
  for (let error = value; error instanceof Error; error = error.cause) {
    if (chain.push(error) === MOST_CAUSES) break;
  }
  if (!chain.some(isOutOfRoom)) return;
  for (const error of chain) {
    const stack = `${error.name}: ${error.message}`;
    Reflect.defineProperty(error, "stack", { value: stack });
  }
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
