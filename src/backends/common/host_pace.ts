import { type Clock, systemClock } from "../../base/clock.ts";

/** Milliseconds of a call on the event loop by which other clients are kept waiting. */
const LONG = 1;
/** Milliseconds of such calls that make the host slow. */
export const MUCH = 100;
/**
 * What of the time they may take without that: a busy machine stops this process
 * within calls that are quick.
 */
const SHARE = 0.05;
/** Milliseconds for which a slow host is taken for slow. */
export const LASTING = 30_000;

/**
 * Whether calls of the host are quick enough for the event loop, where it can't
 * be asked beforehand: by how long the last ones took. Once they have kept others
 * waiting for long enough, threads make them for a while.
 */
export class HostPace {
  readonly #clock: Clock;
  /** Milliseconds of long calls, less what they may take. */
  #long = 0;
  #lastLong = -Infinity;
  #slowUntil = -Infinity;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Milliseconds, to be told by {@linkcode ended}, when a call may begin; `undefined` where the host is slow. */
  begin(): number | undefined {
    const now = this.#clock.now();
    return now < this.#slowUntil ? undefined : now;
  }

  /** A call has ended that began at a time. */
  ended(began: number): void {
    const now = this.#clock.now();
    if (now - began >= LONG) this.#note(now - began, now);
  }

  #note(took: number, now: number): void {
    const allowed = (now - this.#lastLong) * SHARE;
    this.#long = Math.max(0, this.#long - allowed) + took;
    this.#lastLong = now;
    if (this.#long < MUCH) return;
    this.#long = 0;
    this.#slowUntil = now + LASTING;
  }
}
