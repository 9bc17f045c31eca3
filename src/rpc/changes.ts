/** What happens to something that others wait for, one change after the other. */
export class Changes {
  #next: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next one. */
  next(): Promise<void> {
    this.#next ??= Promise.withResolvers<void>();
    return this.#next.promise;
  }

  /** There is one: all that wait go on. */
  note(): void {
    const next = this.#next;
    this.#next = undefined;
    next?.resolve();
  }
}
