import { PartyLine } from "./party_line.ts";

/** Calls of all connections that are begun between two looks for input. */
const CALLS = 48;
/** Of them, the least that a connection whose turn has come may begin. */
const AT_ONCE = 6;
/** Connections that are accepted between two looks, where none waits with calls. */
const ACCEPTS = 24;

/**
 * Shares out the calls of all connections, and what costs as much: reads that
 * end no call, and connections that are accepted. Left alone, the event loop goes
 * on with what it has as long as there is any: a few hundred busy connections are
 * served again and again while the others are not even read from, and one that
 * asks for little waits for all that those have sent. So input is looked for
 * after every 48 calls, and connections with more to do wait in a line, where
 * parties have their turns one after the other, and of each party calls and such
 * reads: neither a crowd nor what never becomes a call keeps the others.
 */
export class CallTurns {
  readonly #look: () => Promise<void>;
  /** Calls that may be begun until input was looked for. */
  #left = CALLS;
  /** Whether several connections have waited for this turn: none takes more than its share. */
  #isContended = false;
  /** Connections that may be accepted until then. */
  #accepts = ACCEPTS;
  /** Ends with the look that is under way, when the next turn has begun. */
  #looking: Promise<void> | undefined;
  readonly #line = new PartyLine<(calls: number) => void>();
  /** Its number, to tell whether a connection has been served in it. */
  #turn = 0;

  /** `look` resolves when the event loop has looked for input. */
  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** The part of a connection of a party. */
  join(party: string): CallShare {
    return new CallShare(this, party);
  }

  /**
   * Something came on a connection, from which all was read in the turn `last`.
   * Returns the turn that it is now: where it is that one, the event loop has
   * looked for input by itself since, and the next begins.
   */
  came(last: number | undefined): number {
    if (last === this.#turn && this.#looking === undefined) this.#begin(0);
    return this.#turn;
  }

  /** Before a connection is accepted; a promise where the calls of others come first. */
  accept(): Promise<void> | undefined {
    if (this.#accepts === 0) return this.#lookOnce().then(() => this.accept());
    this.#accepts--;
    return undefined;
  }

  /** How many calls a connection may begin at once; 0 where it has to wait for {@linkcode next}. */
  take(): number {
    // While input is looked for, as many again may go on: where no other
    // connection comes, no call waits for that.
    const least = this.#isContended ? 0 : -CALLS;
    if (this.#line.size > 0 || this.#left <= least) return 0;
    return this.#grant(AT_ONCE);
  }

  /** How many calls a connection may begin, when those before it had their turn. */
  next(party: string): Promise<number> {
    return new Promise((resolve) => {
      this.#line.push(party, resolve);
      this.#lookOnce();
    });
  }

  /** A connection had so many calls less than it might have begun: those next in the line have them. */
  giveBack(calls: number): void {
    this.#left += calls;
    while (this.#left >= AT_ONCE && this.#line.size > 0) {
      this.#line.shift()!(this.#grant(AT_ONCE));
    }
  }

  #grant(calls: number): number {
    this.#left -= calls;
    if (this.#left <= 0) this.#lookOnce();
    return calls;
  }

  #lookOnce(): Promise<void> {
    return this.#looking ??= this.#lookAndServe();
  }

  /** Never rejects, as a look does not. */
  async #lookAndServe(): Promise<void> {
    await this.#look();
    this.#looking = undefined;
    const served: ((calls: number) => void)[] = [];
    while (served.length < CALLS / AT_ONCE && this.#line.size > 0) {
      served.push(this.#line.shift()!);
    }
    this.#begin(served.length);
    const share = Math.floor(CALLS / served.length);
    for (const resolve of served) resolve(this.#grant(share));
  }

  /** The next turn, for which so many connections have waited. */
  #begin(waited: number): void {
    this.#turn++;
    this.#left = CALLS;
    this.#accepts = Math.floor(ACCEPTS / (1 + waited));
    this.#isContended = waited > 1;
  }
}

/** What one connection has of the turns. */
export class CallShare {
  readonly #turns: CallTurns;
  readonly #party: string;
  /** Calls that it may begin before it has to wait. */
  #granted = 0;
  /** The turn in which something came on it last, if that was all there was. */
  #last: number | undefined;

  constructor(turns: CallTurns, party: string) {
    this.#turns = turns;
    this.#party = party;
  }

  /** Something came on it; `isAll`: the host has no more of it, and what comes next takes a look. */
  came(isAll: boolean): void {
    const turn = this.#turns.came(this.#last);
    this.#last = isAll ? turn : undefined;
  }

  /** Before a call of it is begun; a promise where others have their turns first. */
  begin(): Promise<void> | undefined {
    return this.#take(this.#party);
  }

  /** When nothing of a read was a call, before the next; a promise as of {@linkcode begin}. */
  beginRead(): Promise<void> | undefined {
    return this.#take(`reads of ${this.#party}`);
  }

  /** All that came is begun: the others may have what is left. */
  end(): void {
    this.#turns.giveBack(this.#granted);
    this.#granted = 0;
  }

  #take(party: string): Promise<void> | undefined {
    if (this.#granted === 0) this.#granted = this.#turns.take();
    if (this.#granted === 0) {
      return this.#turns.next(party).then((granted) => {
        this.#granted = granted - 1;
      });
    }
    this.#granted--;
    return undefined;
  }
}
