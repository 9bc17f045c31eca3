import { setImmediate } from "node:timers";
import type { Awaitable } from "./awaitable.ts";
import { askedBy, type Asker } from "./asker.ts";
import { FairLine, type Taker } from "./fair_line.ts";

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

/**
 * The same in a worker, whose input are messages: those are looked for after
 * `setImmediate`, too, and a timer would take a millisecond.
 */
export function nextTurnOfWorker(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Rations long work, so that short work does not wait for it. */
export interface Turn {
  /** Whether this turn of the event loop has gone on for long enough. */
  readonly isOver: boolean;
  /**
   * Resolves when the others have had theirs: the party that has had less goes
   * first, and of one party the one of it that has. `who` is the same object each
   * time, a connection; left out, it is the one that asks, or a newcomer to the
   * server's own party.
   */
  next(who?: Asker): Promise<void>;
}

/**
 * Does what many may have waited for the same promise to do: they share the turns,
 * and don't all go on at once. `who`: see {@linkcode Turn.next}.
 */
export async function inTurns<T, Result>(
  { turn, who }: { readonly turn: Turn | undefined; readonly who?: Asker },
  shared: Promise<T>,
  act: (value: T) => Awaitable<Result>,
): Promise<Result> {
  const value = await shared;
  while (turn?.isOver) await turn.next(who);
  return await act(value);
}

/** So many newcomers have a turn while one that needs all of a slice has one. */
const NEWCOMERS = 16;

/** One of a party. */
interface Member extends Taker {
  /** Its pieces of work that wait, the longest first. */
  readonly waiting: (() => void)[];
}

/** Those who share what a party has. */
class Party implements Taker {
  had: number;
  readonly name: string;
  /** Those that wait. */
  readonly line = new FairLine<Member>();
  readonly #members = new WeakMap<object, Member>();

  constructor(name: string, had: number) {
    this.name = name;
    this.had = had;
  }

  /** One of it; `late` are the milliseconds that a newcomer is taken to have had. */
  member(who: object, late: number): Member {
    let member = this.#members.get(who);
    if (member === undefined) {
      member = { had: this.line.least + late, waiting: [] };
      this.#members.set(who, member);
    }
    return member;
  }
}

/** Microtasks that may lie between the begin of a turn and the work in it: two for each function that awaits it. */
const BEGUN_AFTER = 16;

/** Milliseconds between two looks for the end of a turn: looking costs as much as a request. */
const LOOK = 1;

/**
 * The turn of the event loop that is going on, as far as work that asks is
 * concerned: all of it together gets one slice, however many requests it is
 * for. A party that waits gets as much as each of the others, however many
 * connections it has and however much any of them has to do, and one that has
 * little to do hardly waits. Of one party the same goes for its connections.
 */
export class LoopTurn implements Turn {
  readonly #slice: number;
  readonly #pause: () => Promise<void>;
  #began = -Infinity;
  /** Whether the turn's end will be noticed. */
  #isWatched = false;
  readonly #line = new FairLine<Party>();
  /** By name: those that wait, and those that have had more than the one that was served last. */
  readonly #parties = new Map<string, Party>();
  /** Those of them that don't wait, the longest first. */
  readonly #resting = new Set<Party>();
  /** Whose turn it is. */
  #served: { readonly party: Party; readonly member: Member } | undefined;
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

  next(who: Asker = askedBy()): Promise<void> {
    // As if a newcomer had had a little: work that always comes anew delays no other.
    const late = this.#slice / NEWCOMERS;
    const party = this.#party(who.party, late);
    const member = party.member(who, late);
    return new Promise((resolve) => {
      const isFirst = member.waiting.push(resolve) === 1;
      if (isFirst && member !== this.#served?.member) this.#push(party, member);
      if (!this.#isWaking) this.#wake();
    });
  }

  /**
   * One after the other, as the turns have room: however many wait, a turn costs
   * one slice. Never rejects: it calls what resolves promises, and nothing else.
   */
  async #wake(): Promise<void> {
    this.#isWaking = true;
    while (this.#line.size > 0) {
      await this.#pause();
      do await this.#serve(); while (this.#line.size > 0 && !this.isOver);
    }
    this.#isWaking = false;
  }

  async #serve(): Promise<void> {
    const party = this.#line.shift();
    const member = party.line.shift();
    this.#served = { party, member };
    const began = performance.now();
    member.waiting.shift()!();
    // What it does at once, it does before this goes on: a COMPOUND its next
    // operation and those behind it, a connection the calls that have come.
    for (let i = 0; i < BEGUN_AFTER; i++) await undefined;
    // Some pieces can't be divided, and some pauses are the collector's.
    const took = Math.min(this.#slice, performance.now() - began);
    party.had += took;
    member.had += took;
    this.#served = undefined;
    if (member.waiting.length > 0) party.line.push(member);
    if (party.line.size > 0) this.#line.push(party);
    else this.#resting.add(party);
    this.#forget();
  }

  /** One of a party has begun to wait. */
  #push(party: Party, member: Member): void {
    party.line.push(member);
    if (party.line.size > 1 || party === this.#served?.party) return;
    this.#resting.delete(party);
    this.#line.push(party);
  }

  #party(name: string, late: number): Party {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = new Party(name, this.#line.least + late);
      this.#parties.set(name, party);
    }
    return party;
  }

  /** What a party had is of no use once all others have had as much. */
  #forget(): void {
    for (const party of this.#resting) {
      if (party.had > this.#line.least) return;
      this.#resting.delete(party);
      this.#parties.delete(party.name);
    }
  }
}
