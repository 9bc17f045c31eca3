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

/** Works of a party from which on its requests wait until there are fewer. */
const MOST_WORKS = 1_024;
/** Pieces, too: what is over and not cleared away is in memory. */
const MOST_PIECES = 65_536;
/** Pieces of all parties, of which one that has more than its equal part waits. */
const MOST_OF_ALL = 8 * MOST_PIECES;
/** The server's own work is shared out as that of a party. */
const OWN = "";

/** What one party has left to be done in pieces. */
interface Party {
  readonly name: string;
  /**
   * Each has some done in turn; the one whose turn it was last comes last. With
   * the pieces that are left of it, as far as that was told.
   */
  readonly works: Map<Piecework, number>;
  /** Pieces of all its works. */
  pieces: number;
  /** Requests that wait until there is less. */
  readonly waiting: (() => void)[];
}

/**
 * Where the state, which never waits, leaves slow work. The engine runs the
 * queue after each COMPOUND, the server after each sweep. What is done in pieces
 * is shared out by party: one that leaves much to be done waits for that itself.
 */
export class EffectQueue {
  #effects: Effect[] = [];
  readonly #parties = new Map<string, Party>();
  /** Those with work in pieces; the one whose turn it was last comes last. */
  readonly #line = new Set<Party>();
  /** Those with requests that wait. */
  readonly #behind = new Set<Party>();
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
   * Adds work in pieces, of which as many are done at once as the turn allows.
   * `pieces`: how many there are, where each keeps memory that is in no account.
   */
  begin(work: Piecework, pieces = 1): void {
    const name = this.#party ?? askedBy()?.party ?? OWN;
    const hasOthers = this.hasWork;
    do {
      if (this.#allowance <= 0) break;
      if (this.#doSome(work, name)) return;
    } while (!hasOthers && !this.#turn?.isOver);
    const party = this.#partyOf(name);
    this.#add(party, work, pieces);
  }

  /** Another turn: goes on with the work in pieces; returns whether there is more. */
  goOn(): boolean {
    this.#allowance = AT_ONE_GO;
    try {
      this.#go();
    } finally {
      this.#release();
    }
    return this.hasWork;
  }

  /** Takes all the work that is waiting, but for what is done in pieces. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Whether a party has so much to be done that its requests are to wait. */
  isBehind(name: string): boolean {
    const party = this.#parties.get(name);
    if (party === undefined) return false;
    const most = Math.min(MOST_PIECES, MOST_OF_ALL / this.#line.size);
    return party.works.size >= MOST_WORKS || party.pieces >= most;
  }

  /** Resolves when a party that is behind may have left less; it may be behind again by then. */
  caughtUp(name: string): Promise<void> {
    const party = this.#partyOf(name);
    this.#behind.add(party);
    return new Promise((resolve) => void party.waiting.push(resolve));
  }

  #partyOf(name: string): Party {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { name, works: new Map(), pieces: 0, waiting: [] };
      this.#parties.set(name, party);
    }
    return party;
  }

  #add(party: Party, work: Piecework, pieces: number): void {
    this.#works++;
    party.works.set(work, pieces);
    party.pieces += pieces;
    this.#line.add(party);
  }

  #go(): void {
    for (const party of this.#line) {
      const { name, works } = party;
      const [work, pieces] = works.entries().next().value!;
      // Both have their next turn behind the others'.
      this.#line.delete(party);
      works.delete(work);
      party.pieces -= pieces;
      this.#works--;
      const before = this.#allowance;
      try {
        if (!this.#doSome(work, name)) {
          const done = before - this.#allowance;
          this.#add(party, work, Math.max(1, pieces - done));
        }
      } finally {
        if (works.size > 0) this.#line.add(party);
        else if (!this.#behind.has(party)) this.#parties.delete(name);
      }
      if (this.#allowance <= 0 || this.#turn?.isOver) return;
    }
  }

  /** Lets as many requests go on as there is room for what they may leave. */
  #release(): void {
    for (const party of this.#behind) {
      const { name, works, waiting } = party;
      if (this.isBehind(name)) continue;
      const room = works.size === 0 ? waiting.length : MOST_WORKS - works.size;
      waiting.splice(0, room).forEach((go) => go());
      if (waiting.length > 0) continue;
      this.#behind.delete(party);
      if (works.size === 0) this.#parties.delete(name);
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
