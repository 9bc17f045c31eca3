import type { Turn } from "../../src/base/turn.ts";

/** Turns that are over after some looks, and come one after the other. */
export class ShortTurns implements Turn {
  /** The most looks in one turn. */
  most = 0;
  readonly #limit: number;
  #looks = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Some of what takes long is done. */
  look(): void {
    this.most = Math.max(this.most, ++this.#looks);
  }

  get isOver(): boolean {
    return this.#looks >= this.#limit;
  }

  next(): Promise<void> {
    return this.#last = this.#last.then(async () => {
      if (!this.isOver) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#looks = 0;
    });
  }
}
