import type { Awaitable } from "../vfs/file_system.ts";

/** Does something that may throw, now or later, and goes on with the error. */
export function attempt<T>(
  act: () => Awaitable<T>,
  recover: (error: unknown) => Awaitable<T>,
): Awaitable<T> {
  try {
    const value = act();
    return value instanceof Promise ? value.catch(recover) : value;
  } catch (error) {
    return recover(error);
  }
}
