import { askedBy } from "../base/asker.ts";
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

/** What one party has left to be done in pieces. */
interface Party {
  readonly name: string;
  /** Each has some done in turn; the one whose turn it was last comes last. */
  readonly works: Set<Piecework>;
}

/**
 * Where the state, which never waits, leaves slow work. The engine runs the
 * queue after each COMPOUND, the server after each sweep. What is done in pieces
 * is shared out by party: one that leaves much to be done keeps none of the others'
 * waiting. What is to be cleared away counts as its holder's until it is.
 */
export class EffectQueue {
  #effects: Effect[] = [];
  readonly #parties = new Map<string, Party>();
  /** Those with work in pieces; the one whose turn it was last comes last. */
  readonly #line = new Set<Party>();
  #works = 0;
  /** Whose piece is being done: what that leaves to be done is its own as well. */
  #party: string | undefined;
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
    return this.#effects.length === 0 && !this.hasWork;
  }

  /** Whether there is work in pieces to go on with. */
  get hasWork(): boolean {
    return this.#line.size > 0;
  }

  /** Works that are still to be done. */
  get works(): number {
    return this.#works;
  }

  /** Adds an effect, which the engine starts after the COMPOUND. */
  defer(effect: Effect): void {
    this.#effects.push(effect);
  }

  /**
   * Adds work in pieces, of which as many are done at once as the turn allows. It
   * is the work of the party whose request or piece begins it; what all clients
   * wait for is the server's own, whichever request comes to begin it.
   */
  begin(
    work: Piecework,
    name: string = this.#party ?? askedBy().party,
  ): void {
    const hasOthers = this.hasWork;
    do {
      if (this.#allowance <= 0) break;
      if (this.#doSome(work, name)) return;
    } while (!hasOthers && !this.#turn?.isOver);
    const party = this.#partyOf(name);
    this.#add(party, work);
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

  #partyOf(name: string): Party {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { name, works: new Set() };
      this.#parties.set(name, party);
    }
    return party;
  }

  #add(party: Party, work: Piecework): void {
    this.#works++;
    party.works.add(work);
    this.#line.add(party);
  }

  #go(): void {
    for (const party of this.#line) {
      const { name, works } = party;
      const work = works.values().next().value!;
      // Both have their next turn behind the others'.
      this.#line.delete(party);
      works.delete(work);
      this.#works--;
      try {
        if (!this.#doSome(work, name)) this.#add(party, work);
      } finally {
        if (works.size > 0) this.#line.add(party);
        else this.#parties.delete(name);
      }
      if (this.#allowance <= 0 || this.#turn?.isOver) return;
    }
  }

  /** Does some pieces, one at least; whether that was all. */
  #doSome(work: Piecework, name: string): boolean {
    const until = Math.max(0, this.#allowance - AT_A_TIME);
    const outer = this.#party;
    this.#party = name;
    try {
      do {
        const step = work.next();
        if (step.done) return true;
        this.#allowance -= step.value;
      } while (this.#allowance > until && !this.#turn?.isOver);
    } finally {
      this.#party = outer;
    }
    return false;
  }
}
