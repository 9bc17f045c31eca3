/**
 * The time that passes, given in so that tests can own it: all that the server
 * waits for, or lets run out, goes by one of these. The time of day, which files
 * are dated with, is another thing.
 */
export interface Clock {
  /** Milliseconds that only grow; the origin means nothing. */
  now(): number;
  /**
   * Calls `run` once, `ms` milliseconds from now and never before it returns;
   * returns what cancels that, which does nothing when it is too late.
   */
  schedule(run: () => void, ms: number): () => void;
}

/** `length` bytes that no peer can guess; tests give bytes that they know. */
export type RandomBytes = (length: number) => Uint8Array;

/** The most milliseconds that a timer of the runtime can be set to; with more it runs at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The clock of the machine. On Linux and macOS it stands still while the machine
 * is suspended; what else stops the server, see {@linkcode wakingClock}.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(run, ms) {
    let left = ms;
    const ring = (): void => {
      left -= LONGEST_TIMER;
      if (left <= 0) run();
      else timer = setTimeout(ring, Math.min(left, LONGEST_TIMER));
    };
    let timer = setTimeout(ring, Math.min(left, LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};

/** Random bytes from the operating system. */
export function systemRandom(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Milliseconds between two looks at the clock of which the server was not running: it looks every second. */
export const PAUSE_MS = 2_500;

/**
 * A clock that stands still while the server does: stopped by a signal, frozen
 * with its machine. What a client sent meanwhile waits in its socket, and no
 * time that a client was given runs out before the server has read it: leases,
 * grace, recalls, places in line.
 *
 * A gap between two readings longer than `pauseMs` is such a pause, so it has to
 * be read at least that often.
 */
export function wakingClock(clock: Clock, pauseMs = PAUSE_MS): Clock {
  let last = clock.now();
  let asleep = 0;
  const now = (): number => {
    const read = clock.now();
    const gap = read - last;
    last = read;
    if (gap > pauseMs) asleep += gap;
    return read - asleep;
  };
  return {
    now,
    schedule(run, ms) {
      const due = now() + ms;
      const ring = (): void => {
        const left = due - now();
        if (left <= 0) run();
        // The machine's timer has gone on during a pause.
        else cancel = clock.schedule(ring, left);
      };
      let cancel = clock.schedule(ring, ms);
      return () => cancel();
    },
  };
}
