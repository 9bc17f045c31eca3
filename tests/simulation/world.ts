/** Time, chance and verdict of one simulated history: the same for the same seed. */

import { FakeClock } from "../support/fake_clock.ts";
import { SeededRandom } from "../support/seeded_random.ts";

/** The server did what it must not do. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** A coroutine's client has crashed, or what it was at is of no use any more. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
}

/** What all parts of a simulation share. */
export class World {
  /** Virtual milliseconds. */
  readonly clock = new FakeClock();
  /** All chance of the history. */
  readonly random: SeededRandom;
  /** What happened, the newest last; only as much as a reader wants. */
  readonly trace: string[] = [];
  /** How often what happened. */
  readonly counts = new Map<string, number>();
  /** The first violation; the history ends with it. */
  violation: string | undefined;
  /** Steps that were taken. */
  steps = 0;
  readonly #limit: number;
  #tasks = 0;

  /** A history of at most `steps` steps. */
  constructor(seed: number, steps: number) {
    this.random = new SeededRandom(seed);
    this.#limit = steps;
  }

  /** Virtual time in milliseconds. */
  get now(): number {
    return this.clock.now();
  }

  /** Coroutines that have not ended. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Whether all steps are taken: nothing new begins. */
  get isOver(): boolean {
    return this.steps >= this.#limit;
  }

  /** Takes one step; false when there are none left. */
  step(): boolean {
    if (this.isOver) return false;
    this.steps++;
    return true;
  }

  /** Waits between `low` and `high` milliseconds. */
  pause(low: number, high: number): Promise<void> {
    return this.clock.sleep(this.between(low, high));
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.random.below(high - low + 1);
  }

  /** Runs a coroutine; whatever it throws but {@linkcode Abandoned} is a violation. */
  spawn(task: () => Promise<void>): void {
    this.#tasks++;
    task().catch((error) => {
      if (error instanceof Abandoned) return;
      const isVerdict = error instanceof Violation;
      this.blame(isVerdict ? error.message : error?.stack ?? String(error));
    }).finally(() => this.#tasks--);
  }

  /** Notes a violation, where it can't be thrown. */
  blame(message: string): void {
    this.note(() => `VIOLATION ${message}`);
    this.violation ??= message;
  }

  /** Throws a violation unless `condition` holds. */
  insist(condition: boolean, message: () => string): asserts condition {
    if (condition) return;
    const text = message();
    this.blame(text);
    throw new Violation(text);
  }

  /** Counts that something happened. */
  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Adds a line to the trace. */
  note(line: () => string): void {
    const seconds = ((this.now - START) / 1000).toFixed(3);
    this.trace.push(`${seconds} #${this.steps} ${line()}`);
    if (this.trace.length > TRACE_LINES) this.trace.shift();
  }

  /** Moves time on until `done` says so; false when that takes longer than `milliseconds`. */
  async runUntil(done: () => boolean, milliseconds: number): Promise<boolean> {
    const end = this.now + milliseconds;
    while (!done()) {
      if (this.violation !== undefined) return true;
      if (this.now >= end) return false;
      await this.clock.advanceAsync(TICK);
    }
    return true;
  }
}

const START = 1_000_000;
const TICK = 200;
const TRACE_LINES = 400;
