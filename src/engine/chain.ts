import type { Awaitable } from "../vfs/file_system.ts";

/** Goes on with a value: at once when it is there, later when it is a promise. */
export function chain<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
