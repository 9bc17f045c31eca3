import { type Clock, systemClock } from "../../src/base/clock.ts";

/** The machine's timers, under a time that a test tells. */
export function toldClock(now: () => number): Clock {
  return { ...systemClock, now };
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it, and the timers that hang on it. */
export class FakeClock implements Clock {
  #now: number;
  #timers: Timer[] = [];

  /** Starts at `now` milliseconds. */
  constructor(now = 1_000_000) {
    this.#now = now;
  }

  /** Milliseconds. A bound function, to be handed on as it is. */
  readonly now = (): number => this.#now;

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Runs `run` once, `delay` milliseconds from now; returns what cancels it. */
  readonly schedule = (run: () => void, delay: number): () => void => {
    const at = this.#now + Math.max(0, delay);
    const timer: Timer = { at, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  /** Resolves `delay` milliseconds from now; rejects when `signal` aborts. */
  readonly sleep = (delay: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.schedule(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, delay);
      signal?.addEventListener("abort", onAbort, { once: true });
    });

  /** Moves time on, running each timer at its own moment, those set meanwhile too. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    while (true) {
      const next = this.#next(until);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = until;
  }

  /** Time goes by while nothing runs; what was due meanwhile rings now. */
  skip(milliseconds: number): void {
    this.#now += milliseconds;
    for (const due of this.#timers.filter(({ at }) => at <= this.#now)) {
      if (!this.#timers.includes(due)) continue;
      this.#timers = this.#timers.filter((each) => each !== due);
      due.run();
    }
  }

  /** As `advance`, letting what waits on promises go on after each timer. */
  async advanceAsync(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settle();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.advance(next.at - this.#now);
      await settle();
    }
    this.advance(until - this.#now);
    await settle();
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at) next = timer;
    }
    return next;
  }
}

/** Lets promise callbacks run, those that they lead to included. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
