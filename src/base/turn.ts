import { setImmediate } from "node:timers";

/**
 * How long the event loop may be kept from everybody else, in milliseconds. Turns
 * are the loop's own: no clock that is given tells of them, so the machine's does.
 */
export const SLICE = 4;

/**
 * Resolves in a later turn of the event loop, after input has been looked for. A
 * timer sees to that; after `setImmediate` it is looked for once in some sixty turns.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Rations long work, so that it keeps nobody waiting who has little to do. */
export interface Turn {
  /** Whether this turn of the event loop has gone on for long enough. */
  readonly isOver: boolean;
  /** Resolves when the others have had theirs. */
  next(): Promise<void>;
}

/** Milliseconds between two looks for the end of a turn: looking costs as much as a request. */
const LOOK = 1;

/**
 * The turn of the event loop that is going on, as far as work that asks is
 * concerned: all of it together gets one slice, however many requests it is for.
 */
export class LoopTurn implements Turn {
  readonly #slice: number;
  #began = -Infinity;
  /** Whether the turn's end will be noticed. */
  #isWatched = false;
  /** Those that wait for the next turn, the longest first. */
  #waiting: (() => void)[] = [];

  /** `slice`: milliseconds of a turn that long work may take. */
  constructor(slice: number = SLICE) {
    this.#slice = slice;
  }

  get isOver(): boolean {
    const now = performance.now();
    const past = now - this.#began;
    if (this.#isWatched) return past > this.#slice;
    if (past < LOOK) return false;
    this.#began = now;
    this.#isWatched = true;
    setImmediate(() => this.#isWatched = false);
    return false;
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#wake();
    });
  }

  /** One after the other, as the turns have room: however many wait, a turn costs one slice. */
  async #wake(): Promise<void> {
    let woken = 0;
    while (woken < this.#waiting.length) {
      await nextTurn();
      do {
        this.#waiting[woken++]();
        // What it does at once, it does before this goes on.
        await undefined;
      } while (woken < this.#waiting.length && !this.isOver);
      if (woken < this.#waiting.length / 2) continue;
      this.#waiting = this.#waiting.slice(woken);
      woken = 0;
    }
  }
}
