/** An event loop whose turns are as long as the work in them, by a count and no clock. */

import type { Clock } from "../../src/base/clock.ts";
import { nextTurnOfWorker, SLICE, type Turn } from "../../src/base/turn.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";

/** Milliseconds that a call of the file system takes, and an operation that is not brief. */
export const PIECE = 0.5;

/** The event loop of a server whose every piece of work takes its time. */
export class WorkingLoop implements Turn {
  #total = 0;
  #began = 0;
  #looking: Promise<void> | undefined;
  #isWaking = false;
  readonly #waiting: (() => void)[] = [];
  /** Milliseconds of the longest turn. */
  longest = 0;
  /** Turns that have begun. */
  turns = 0;
  /** Who has waited for one. */
  readonly askers = new Set<unknown>();

  /** Whether long work is to wait. */
  get isOver(): boolean {
    return this.#spent > SLICE;
  }

  /** A clock that goes on with the work. */
  clock(clock: Clock): Clock {
    const began = clock.now();
    const now = () => began + this.#total;
    return Object.assign(Object.create(clock), { now });
  }

  /** Some work is done. */
  work(milliseconds: number): void {
    this.#total += milliseconds;
    this.longest = Math.max(this.longest, this.#spent);
  }

  /** Looks for input, once for all that ask. */
  readonly look = (): Promise<void> =>
    this.#looking ??= nextTurnOfWorker().then(() => {
      this.#looking = undefined;
      this.#began = this.#total;
      this.turns++;
    });

  /** Resolves when others have had theirs. */
  next(who?: unknown): Promise<void> {
    this.askers.add(who);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isWaking) this.#wake();
    });
  }

  async #wake(): Promise<void> {
    this.#isWaking = true;
    while (this.#waiting.length > 0) {
      await this.look();
      do {
        this.#waiting.shift()!();
        for (let i = 0; i < 64; i++) await undefined;
      } while (this.#waiting.length > 0 && !this.isOver);
    }
    this.#isWaking = false;
  }

  get #spent(): number {
    return this.#total - this.#began;
  }
}

/** The same file system, whose every call takes its time. */
export function working(fs: FileSystem, loop: WorkingLoop): FileSystem {
  return new Proxy(fs, {
    get(_, name) {
      const value = Reflect.get(fs, name);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        loop.work(PIECE);
        return value.apply(fs, given);
      };
    },
  });
}
