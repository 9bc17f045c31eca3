import type { Clock } from "../base/clock.ts";

/** How long a file that was fought over gets no delegation, in milliseconds. */
export const CONTENTION = 10_000;
const MAX_FILES = 10_000;

/** Files that were fought over: for a while they get no delegation. */
export class Contention {
  readonly #clock: Clock;
  readonly #lasting: number;
  /** Until when, by the file's key; the oldest first. */
  readonly #until = new Map<string, number>();

  /** `lasting`: how long that is, in milliseconds. */
  constructor(clock: Clock, lasting = CONTENTION) {
    this.#clock = clock;
    this.#lasting = lasting;
  }

  /** Whether a file gets none. */
  has(key: string): boolean {
    const until = this.#until.get(key);
    return until !== undefined && this.#clock.now() < until;
  }

  /** What a file's delegation was in the way of may be done now. */
  note(key: string): void {
    this.#until.delete(key);
    this.#until.set(key, this.#clock.now() + this.#lasting);
    if (this.#until.size <= MAX_FILES) return;
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest);
      return;
    }
  }

  /** Forgets those whose time is over. */
  sweep(): void {
    const now = this.#clock.now();
    for (const [key, until] of this.#until) {
      if (now < until) break;
      this.#until.delete(key);
    }
  }
}
