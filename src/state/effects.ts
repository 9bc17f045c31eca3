import type { Awaitable } from "../base/awaitable.ts";
import type { Turn } from "../base/turn.ts";

/** Slow work that a change of state asks for: close a file, send a recall. */
export type Effect = () => Awaitable<void>;

/**
 * Work that is too much for one turn of the event loop: a piece with each step,
 * which says how much it was. A piece of 1 is some microseconds.
 */
export type Piecework = IterableIterator<number, void>;

/** Pieces that are done at one go, unless they take longer than they should. */
const AT_ONE_GO = 128;
/** Pieces of one work before the next has its turn: short work does not wait for long work. */
const AT_A_TIME = 16;

/** What it costs to look at one of many, in pieces of work. */
export const LOOK = 1 / 32;

/** Does it all at once: the event loop waits meanwhile. */
export function finish(work: Piecework): void {
  while (!work.next().done);
}

/**
 * Where the state, which never waits, leaves slow work. The engine runs the
 * queue after each COMPOUND, the server after each sweep.
 */
export class EffectQueue {
  #effects: Effect[] = [];
  /** Work in pieces; each has some done in turn. */
  readonly #work: Piecework[] = [];
  /** Index of the work whose turn it is. */
  #at = 0;
  /** Pieces that may still be done in this turn. */
  #allowance = AT_ONE_GO;
  readonly #turn: Pick<Turn, "isOver"> | undefined;

  /** `turn` of the event loop: when it is over, pieces wait for the next one. */
  constructor(turn?: Pick<Turn, "isOver">) {
    this.#turn = turn;
  }

  /** Whether {@linkcode EffectQueue.goOn} is being called in each turn until nothing is left. */
  isUnderWay = false;

  /** Whether there is nothing to do. */
  get isEmpty(): boolean {
    return this.#effects.length === 0 && this.#work.length === 0;
  }

  /** Whether there is work in pieces to go on with. */
  get hasWork(): boolean {
    return this.#work.length > 0;
  }

  /** Adds an effect, which the engine starts after the COMPOUND. */
  defer(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Adds work in pieces, of which as many are done at once as the turn allows. */
  begin(work: Piecework): void {
    if (this.#work.length === 0) {
      this.#work.push(work);
      return this.#go();
    }
    if (this.#allowance > 0 && this.#doSome(work)) return;
    // Behind all others, of which the one whose turn it is comes first.
    this.#work.splice(this.#at, 0, work);
    this.#at++;
  }

  /** Another turn: goes on with the work in pieces; returns whether there is more. */
  goOn(): boolean {
    this.#allowance = AT_ONE_GO;
    this.#go();
    return this.hasWork;
  }

  /** Takes all the work that is waiting, but for what is done in pieces. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #go(): void {
    while (this.#work.length > 0 && this.#allowance > 0) {
      const isDone = this.#doSome(this.#work[this.#at]!);
      // By now there may be more, of which none has come between.
      if (isDone) this.#work.splice(this.#at, 1);
      else this.#at++;
      if (this.#at >= this.#work.length) this.#at = 0;
      if (this.#turn?.isOver) return;
    }
  }

  /** Does some pieces, one at least; whether that was all. */
  #doSome(work: Piecework): boolean {
    const until = Math.max(0, this.#allowance - AT_A_TIME);
    do {
      const step = work.next();
      if (step.done) return true;
      this.#allowance -= step.value;
    } while (this.#allowance > until && !this.#turn?.isOver);
    return false;
  }
}
