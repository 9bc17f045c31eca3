/** A value, or a promise of it. A file system that does not wait returns the value itself. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Work that may have to wait, written straight down as a generator function:
 *
 *     const attributes = yield* wait(fs.getattr(node));
 *
 * goes on in the same turn where the value is there, and when the promise has
 * settled where it is one; what rejects is thrown there. The one way to be both:
 * an async function always waits, and costs five times as much. Only what each
 * READ, WRITE, GETATTR, LOOKUP, PUTFH and ACCESS does looks for the promise itself.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** What {@linkcode wait} gives to `yield*`. */
type Wait<T> = Iterable<Promise<unknown>, T, unknown>;

/**
 * The value, for which {@linkcode Steps} wait where it is a promise. Good only
 * for the `yield*` that it stands behind.
 */
export function wait<T>(value: Awaitable<T>): Wait<T> {
  if (value instanceof Promise) return new Waiting(value, false) as Wait<T>;
  // The same for every value that is there: one for each would cost more than all the rest.
  READY.value = value;
  return READY as Wait<T>;
}

/** Its own iterator and its own result, so that nothing else has to be made. */
class Waiting {
  value: unknown;
  done: boolean;
  #isAsked = false;

  constructor(value: unknown, done: boolean) {
    this.value = value;
    this.done = done;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(settled?: unknown): this {
    if (this.done) return this;
    if (this.#isAsked) {
      this.done = true;
      this.value = settled;
    } else this.#isAsked = true;
    return this;
  }

  throw(error: unknown): never {
    throw error;
  }
}

const READY = new Waiting(undefined, true);

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
 * What has to be waited for, `undefined` where nothing has: a query builder,
 * say, is no Promise, and does its work only when its end is asked for.
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

/**
 * Leaves a promise that is not waited for: its rejection would go unhandled,
 * and end the process.
 */
export function leave(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}
