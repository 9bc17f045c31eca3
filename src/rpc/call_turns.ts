/** Calls of all connections that are begun between two looks for input. */
const CALLS = 48;
/** Of them, the least that a connection whose turn has come may begin. */
const AT_ONCE = 6;

/**
 * Shares out the calls of all connections. Left alone, the event loop goes on
 * with what it has as long as there is any: a few hundred busy connections are
 * served again and again while the others are not even read from, and one that
 * asks for little waits for all that those have sent. So input is looked for
 * after every 48 calls, and connections with more to do wait in a line.
 */
export class CallTurns {
  readonly #look: () => Promise<void>;
  /** Calls that may be begun until input was looked for. */
  #left = CALLS;
  /** Whether several connections have waited for this turn: none takes more than its share. */
  #isContended = false;
  #isLooking = false;
  readonly #line: ((calls: number) => void)[] = [];
  /** Its number, to tell whether a connection has been served in it. */
  #turn = 0;

  /** `look` resolves when the event loop has looked for input. */
  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** The part of a connection. */
  join(): CallShare {
    return new CallShare(this);
  }

  /**
   * Something came on a connection, for the last time in the turn `last`. Returns
   * the turn that it is now: where it is that one, the event loop has looked for
   * input by itself since, and the next begins.
   */
  came(last: number): number {
    if (last === this.#turn && !this.#isLooking) this.#begin(0);
    return this.#turn;
  }

  /** How many calls a connection may begin at once; 0 where it has to wait for {@linkcode next}. */
  take(): number {
    // While input is looked for, as many again may go on: where no other
    // connection comes, no call waits for that.
    const least = this.#isContended ? 0 : -CALLS;
    if (this.#line.length > 0 || this.#left <= least) return 0;
    return this.#grant(AT_ONCE);
  }

  /** How many calls a connection may begin, when those before it had their turn. */
  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#line.push(resolve);
      this.#lookOnce();
    });
  }

  /** A connection had so many calls less than it might have begun: those next in the line have them. */
  giveBack(calls: number): void {
    this.#left += calls;
    while (this.#left >= AT_ONCE && this.#line.length > 0) {
      this.#line.shift()!(this.#grant(AT_ONCE));
    }
  }

  #grant(calls: number): number {
    this.#left -= calls;
    if (this.#left <= 0) this.#lookOnce();
    return calls;
  }

  /** Never rejects, as a look does not. */
  async #lookOnce(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await this.#look();
    this.#isLooking = false;
    const served = this.#line.splice(0, CALLS / AT_ONCE);
    this.#begin(served.length);
    const share = Math.floor(CALLS / served.length);
    for (const resolve of served) resolve(this.#grant(share));
  }

  /** The next turn, for which so many connections have waited. */
  #begin(waited: number): void {
    this.#turn++;
    this.#left = CALLS;
    this.#isContended = waited > 1;
  }
}

/** What one connection has of the turns. */
export class CallShare {
  readonly #turns: CallTurns;
  /** Calls that it may begin before it has to wait. */
  #granted = 0;
  /** The turn in which something came on it last. */
  #last = -1;

  constructor(turns: CallTurns) {
    this.#turns = turns;
  }

  /** Something came on it. */
  came(): void {
    this.#last = this.#turns.came(this.#last);
  }

  /** Before a call of it is begun; a promise where others have their turns first. */
  begin(): Promise<void> | undefined {
    if (this.#granted === 0) this.#granted = this.#turns.take();
    if (this.#granted === 0) {
      return this.#turns.next().then((granted) => {
        this.#granted = granted - 1;
      });
    }
    this.#granted--;
    return undefined;
  }

  /** All that came is begun: the others may have what is left. */
  end(): void {
    this.#turns.giveBack(this.#granted);
    this.#granted = 0;
  }
}
