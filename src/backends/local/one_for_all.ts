/** Work that is under way once at a time: all who ask for it meanwhile have one more in common. */
export class OneForAll {
  readonly #work: () => Promise<void>;
  #now: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `work` covers what came before it began. */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when the work has been done that begins from now on. */
  run(): Promise<void> {
    if (this.#now === undefined) return this.#begin();
    const next = () => {
      this.#next = undefined;
      return this.#begin();
    };
    return this.#next ??= this.#now.then(next, next);
  }

  #begin(): Promise<void> {
    const now = this.#work();
    this.#now = now;
    const end = () => {
      if (this.#now === now) this.#now = undefined;
    };
    now.then(end, end);
    return now;
  }
}
