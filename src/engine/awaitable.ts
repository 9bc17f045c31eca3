import type { Awaitable } from "../vfs/file_system.ts";

/** Goes on with a value: at once, or when it is there. */
export function chain<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

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
