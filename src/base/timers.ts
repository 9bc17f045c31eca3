import type { Clock } from "./clock.ts";

/** Waits `ms` milliseconds by `clock`, or until `signal` aborts; never rejects. */
export function sleep(
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.schedule(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Calls `run` every `ms` milliseconds by `clock`; returns what ends that. */
export function every(clock: Clock, ms: number, run: () => void): () => void {
  const again = (): void => {
    // Before `run`, which may end it.
    cancel = clock.schedule(again, ms);
    run();
  };
  let cancel = clock.schedule(again, ms);
  return () => cancel();
}

/**
 * Calls `use` with a signal that aborts after `ms` milliseconds by `clock`, and
 * with `signal`. Nothing is left behind when `use` is done.
 */
export async function withTimeout<T>(
  use: (signal: AbortSignal) => Promise<T>,
  { clock, ms, signal }: {
    readonly clock: Clock;
    readonly ms: number;
    readonly signal: AbortSignal;
  },
): Promise<T> {
  const timeout = new AbortController();
  const stop = (): void => timeout.abort();
  const cancel = clock.schedule(stop, ms);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await use(timeout.signal);
  } finally {
    signal.removeEventListener("abort", stop);
    cancel();
  }
}
