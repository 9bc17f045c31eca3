import type { Awaitable } from "../../../base/awaitable.ts";

/** When the worker has to be asked to make names and attributes durable: where any were changed, or that is under way. */
export class Settling {
  readonly #settle: () => Promise<void>;
  #isDue = false;
  #underWay: Promise<void> | undefined;

  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  /**
   * What may have changed something, also where it failed. Due when that is done:
   * a settlement that was asked for before need not have found it.
   */
  async after<T>(changing: Promise<T>): Promise<T> {
    try {
      return await changing;
    } finally {
      this.#isDue = true;
    }
  }

  /** Waits for all that was changed, also what another request waits for already. */
  settle(): Awaitable<void> {
    if (!this.#isDue) return this.#underWay;
    this.#isDue = false;
    // It waits in the worker for what is under way there.
    const settling = this.#settle();
    this.#underWay = settling;
    const end = () => {
      if (this.#underWay === settling) this.#underWay = undefined;
    };
    settling.then(end, end);
    return settling;
  }
}
