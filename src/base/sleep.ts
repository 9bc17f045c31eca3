/** Waits `ms` milliseconds, or until `signal` aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** As {@linkcode sleep}, with a signal. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/**
 * Calls `use` with a signal that aborts after `ms` milliseconds by `sleep`, and
 * with `signal`. Nothing is left behind when `use` is done.
 */
export async function withTimeout<T>(
  use: (signal: AbortSignal) => Promise<T>,
  { ms, signal, sleep }: {
    readonly ms: number;
    readonly signal: AbortSignal;
    readonly sleep: Sleep;
  },
): Promise<T> {
  const timeout = new AbortController();
  const done = new AbortController();
  const stop = (): void => timeout.abort();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  sleep(ms, done.signal).then(stop);
  try {
    return await use(timeout.signal);
  } finally {
    signal.removeEventListener("abort", stop);
    done.abort();
  }
}
