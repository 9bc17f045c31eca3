import { setImmediate } from "node:timers";

/**
 * How long the event loop may be kept from all other work, in milliseconds.
 * Turns are the loop's own: no clock that is given tells of them, so the
 * machine's does.
 */
export const SLICE = 4;

/**
 * Resolves in a later turn of the event loop, after input has been looked for. A
 * timer sees to that; after `setImmediate` it is looked for once in some sixty turns.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Rations long work, so that short work does not wait for it. */
export interface Turn {
  /** Whether this turn of the event loop has gone on for long enough. */
  readonly isOver: boolean;
  /**
   * Resolves when the others have had theirs. `who` is the same object each
   * time, a connection: the one that has had less goes first. Left out, it is a
   * new party.
   */
  next(who?: object): Promise<void>;
}

/** So many newcomers have a turn while a party that needs all of a slice has one. */
const NEWCOMERS = 16;

/** A connection, or other work, that waits for turns or did. */
interface Party {
  /** Milliseconds of turns that it had: the party that has had the least is next. */
  had: number;
  /** Its pieces of work that wait, the longest first. */
  readonly waiting: (() => void)[];
}

/** Microtasks that may lie between the begin of a turn and the work in it: two for each function that awaits it. */
const BEGUN_AFTER = 16;

/** Milliseconds between two looks for the end of a turn: looking costs as much as a request. */
const LOOK = 1;

/**
 * The turn of the event loop that is going on, as far as work that asks is
 * concerned: all of it together gets one slice, however many requests it is
 * for. A party that waits gets as much as each of the others, however much any
 * of them has to do, and one that has little to do hardly waits.
 */
export class LoopTurn implements Turn {
  readonly #slice: number;
  readonly #pause: () => Promise<void>;
  #began = -Infinity;
  /** Whether the turn's end will be noticed. */
  #isWatched = false;
  readonly #parties = new WeakMap<object, Party>();
  /** Those that wait for a turn, the one that has had the least first. */
  readonly #queue: Party[] = [];
  /** The party that has one. */
  #served: Party | undefined;
  /** What the last one that was served had had before: none that waits has had less. */
  #least = 0;
  #isWaking = false;

  /** `slice`: milliseconds of a turn that long work may take; `pause` lets the others have theirs. */
  constructor(slice: number = SLICE, pause: () => Promise<void> = nextTurn) {
    this.#slice = slice;
    this.#pause = pause;
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

  next(who: object = {}): Promise<void> {
    let party = this.#parties.get(who);
    if (party === undefined) {
      // As if it had had a little: work that always comes as a new party delays
      // no other.
      party = { had: this.#least + this.#slice / NEWCOMERS, waiting: [] };
      this.#parties.set(who, party);
    }
    const { waiting } = party;
    return new Promise((resolve) => {
      if (waiting.push(resolve) === 1 && party !== this.#served) {
        this.#enqueue(party);
      }
      if (!this.#isWaking) this.#wake();
    });
  }

  /**
   * One after the other, as the turns have room: however many wait, a turn costs
   * one slice. Never rejects: it calls what resolves promises, and nothing else.
   */
  async #wake(): Promise<void> {
    this.#isWaking = true;
    while (this.#queue.length > 0) {
      await this.#pause();
      do await this.#serve(this.#queue.shift()!); while (
        this.#queue.length > 0 && !this.isOver
      );
    }
    this.#isWaking = false;
  }

  async #serve(party: Party): Promise<void> {
    this.#served = party;
    this.#least = party.had;
    const began = performance.now();
    party.waiting.shift()!();
    // What it does at once, it does before this goes on: a COMPOUND its next
    // operation and those behind it, a connection the calls that have come.
    for (let i = 0; i < BEGUN_AFTER; i++) await undefined;
    // Some pieces can't be divided, and some pauses are the collector's.
    party.had += Math.min(this.#slice, performance.now() - began);
    this.#served = undefined;
    if (party.waiting.length > 0) this.#enqueue(party);
  }

  #enqueue(party: Party): void {
    // No party saves turns up.
    party.had = Math.max(party.had, this.#least);
    const queue = this.#queue;
    let low = 0;
    for (let high = queue.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (queue[middle]!.had <= party.had) low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, party);
  }
}
