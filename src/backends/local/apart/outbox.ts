/**
 * What is to be sent to the other thread: all that comes together goes as one
 * message, in its order, for each message costs as much as a call of the host.
 */
export class Outbox<T> {
  readonly #post: (all: readonly T[], transfer: Transferable[]) => void;
  #waiting: T[] = [];
  #transfer: Transferable[] = [];

  constructor(post: (all: readonly T[], transfer: Transferable[]) => void) {
    this.#post = post;
  }

  /** Sends it with what else comes before this turn ends; `buffer` is given away. */
  add(one: T, buffer?: ArrayBuffer): void {
    if (this.#waiting.push(one) === 1) queueMicrotask(this.#flush);
    if (buffer !== undefined) this.#transfer.push(buffer);
  }

  readonly #flush = (): void => {
    const [all, transfer] = [this.#waiting, this.#transfer];
    this.#waiting = [];
    this.#transfer = [];
    this.#post(all, transfer);
  };
}
