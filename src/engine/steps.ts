import type { Awaitable } from "../vfs/file_system.ts";

/**
 * Work in steps: a generator that yields a promise where it has to wait, and
 * gets its value back. What never waits is never suspended.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** Takes the steps: at once as far as that goes, the rest later. */
export function take<T>(steps: Steps<T>): Awaitable<T> {
  const first = steps.next();
  return first.done ? first.value : resume(steps, first.value);
}

async function resume<T>(
  steps: Steps<T>,
  waiting: Promise<unknown>,
): Promise<T> {
  while (true) {
    let step: IteratorResult<Promise<unknown>, T>;
    try {
      step = steps.next(await waiting);
    } catch (error) {
      step = steps.throw(error);
    }
    if (step.done) return step.value;
    waiting = step.value;
  }
}
