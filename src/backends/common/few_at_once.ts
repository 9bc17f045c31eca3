/** Has calls of other threads wait for each other, where they are many: the host's other calls need some threads as well. */
export class FewAtOnce {
  readonly #atOnce: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `atOnce` threads are kept busy. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Runs `act` when few others are under way. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++;
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
