import type { Logger } from "../base/log.ts";

/**
 * Work that goes on by itself: counted, and waited for in the end. What a client
 * does is an outcome, so an error that ends such work is the server's own and is
 * logged: a rejection that is not heard would end the process.
 */
export class Tasks {
  readonly #log: Logger;
  readonly #running = new Set<Promise<void>>();

  /** `log` hears of errors. */
  constructor(log: Logger) {
    this.#log = log;
  }

  /** Number of those that have not ended. */
  get size(): number {
    return this.#running.size;
  }

  /** Notes work that has begun. */
  add(work: Promise<void>): void {
    const task = work.catch((error) => {
      this.#log.error("work of the back channel failed", { error });
    }).then(() => void this.#running.delete(task));
    this.#running.add(task);
  }

  /** Resolves when all that has begun is done. */
  async finished(): Promise<void> {
    await Promise.all(this.#running);
  }
}
