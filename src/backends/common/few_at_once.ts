/** Threads that are kept busy for long at once: the host's other calls need some as well. */
const AT_ONCE = 4;

/** Has long calls of other threads wait for each other, where they are many. */
export class FewAtOnce {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs `act` when few others are under way. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#running < AT_ONCE) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
