import type { Awaitable } from "../vfs/file_system.ts";

/** Slow work that a change of state asks for: close a file, send a recall. */
export type Effect = () => Awaitable<void>;

/**
 * Where the state, which never waits, leaves slow work. The engine runs the
 * queue after each COMPOUND, the server after each sweep.
 */
export class EffectQueue {
  #effects: Effect[] = [];
  readonly #running = new Set<Promise<void>>();

  /** Whether there is nothing to do. */
  get isEmpty(): boolean {
    return this.#effects.length === 0;
  }

  /** Adds work. */
  defer(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Takes all the work that is waiting. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Notes work that goes on; the promise must not reject. */
  track(work: Promise<void>): void {
    this.#running.add(work);
    work.then(() => this.#running.delete(work));
  }

  /** Resolves when all the work that was begun is done. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
