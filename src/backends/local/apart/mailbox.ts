import { workFor } from "../../../base/asker.ts";
import { leave } from "../../../base/awaitable.ts";
import type { Turn } from "../../../base/turn.ts";
import type { Caller, Callers } from "./callers.ts";

/** What is done once the calls up to a number have begun. */
interface Later {
  readonly last: number;
  readonly act: () => void;
}

/**
 * The calls that have come to the worker: what comes while it has time begins at
 * once. Where the host is slow the parties take turns, and of each its
 * connections: one that has a hundred calls here has others wait for one of them.
 */
export class Mailbox {
  readonly #turn: Turn;
  readonly #callers: Callers;
  /** The calls that wait, by their numbers: the one that came first is the first. */
  readonly #waiting = new Map<number, () => void>();
  /** The numbers of those of each caller that has some. */
  readonly #lines = new Map<Caller, number[]>();
  /** The call that came last. */
  #last = 0;
  readonly #later: Later[] = [];

  /** `turn` is what the calls, and what they begin, share. */
  constructor(turn: Turn, callers: Callers) {
    this.#turn = turn;
    this.#callers = callers;
  }

  /** Has the call of a number begun, which is higher than those before: now, or behind its caller's own. */
  take(caller: Caller, call: number, begin: () => void): void {
    this.#last = call;
    if (this.#waiting.size === 0 && !this.#turn.isOver) return begin();
    this.#waiting.set(call, begin);
    const line = this.#lines.get(caller);
    if (line !== undefined) return void line.push(call);
    this.#lines.set(caller, [call]);
    leave(this.#serve(caller));
  }

  /** Has a call never begun; false where it has begun, or has not come. */
  giveUp(call: number): boolean {
    const hasWaited = this.#waiting.delete(call);
    if (hasWaited) this.#actLater();
    return hasWaited;
  }

  /** Does it when all calls that have come have begun, of all callers: what they need is there until then. */
  afterThese(act: () => void): void {
    if (this.#waiting.size === 0) act();
    else this.#later.push({ last: this.#last, act });
  }

  /** Begins one caller's calls in its turns. */
  async #serve(caller: Caller): Promise<void> {
    using _ = this.#callers.going(caller);
    const line = this.#lines.get(caller)!;
    do {
      await this.#turn.next(caller);
      workFor(caller, () => this.#beginRow(line));
    } while (line.length > 0);
    this.#lines.delete(caller);
  }

  #beginRow(line: number[]): void {
    do {
      const call = line.shift();
      if (call === undefined) return;
      const begin = this.#waiting.get(call);
      // Given up.
      if (begin === undefined) continue;
      this.#waiting.delete(call);
      begin();
      this.#actLater();
    } while (!this.#turn.isOver);
  }

  #actLater(): void {
    const { value: first = Infinity } = this.#waiting.keys().next();
    while (this.#later.length > 0 && this.#later[0]!.last < first) {
      this.#later.shift()!.act();
    }
  }
}
