/** A value, or a promise of it. A file system that does not wait returns the value itself. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value: at once when it is there, later when it is a promise. */
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

/**
 * What has to be waited for, `undefined` where nothing has: a query builder, say,
 * is no Promise, and does its work only when somebody asks for the end.
 */
export function promised(
  given: Awaitable<void>,
): Promise<void> | undefined {
  if (given instanceof Promise) return given;
  return isThenable(given) ? Promise.resolve(given) : undefined;
}

function isThenable(given: unknown): given is PromiseLike<void> {
  const { then } = (given ?? {}) as Partial<PromiseLike<void>>;
  return typeof then === "function";
}

/** A promise that nobody waits for: its rejection would be nobody's, and end the process. */
export function leave(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}
