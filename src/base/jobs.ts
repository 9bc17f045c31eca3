import type { Awaitable } from "./awaitable.ts";
import type { Logger } from "./log.ts";

/** What {@linkcode Jobs} is told of its owner. */
export interface JobsOptions {
  /** What the jobs are, for the log: "callbacks". */
  readonly name: string;
  /** Hears of errors. */
  readonly log: Logger;
}

/**
 * Work that goes on by itself and that no request waits for: counted, told to
 * end by a signal, and waited for in the end. What a client or a host does is an
 * outcome, so an error that ends a job is the server's own and is logged: a
 * rejection that is not heard would end the process.
 */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #failed = 0;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Number of those that have not ended. */
  get size(): number {
    return this.#running.size;
  }

  /** Number of those that an error has ended. */
  get failed(): number {
    return this.#failed;
  }

  /** Aborts when they are to end. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Begins a job at once; one that does not wait is none when this returns. */
  begin(work: (signal: AbortSignal) => Awaitable<void>): void {
    try {
      const pending = work(this.signal);
      if (pending instanceof Promise) this.#follow(pending);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Has all jobs end; resolves when the last one has. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return this.finished();
  }

  /** Resolves when no job is left, of those that were begun meanwhile either. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #follow(pending: Promise<void>): void {
    const job = pending.catch((error) => this.#fail(error))
      .then(() => void this.#running.delete(job));
    this.#running.add(job);
  }

  #fail(error: unknown): void {
    const { name, log } = this.#options;
    this.#failed++;
    log.error(`${name} failed`, { error });
  }
}
