import { askedBy, type Asker } from "./asker.ts";
import { GivenUp, type OngoingCall } from "./ongoing_call.ts";

/**
 * So many parties have a place each, whatever the others take: works that go on for
 * minutes keep their places for as long, and turns are no help then.
 */
export const FIRST_PLACES = 4;

/** What parts of all places one has at most. */
export interface Shares {
  /** A party. */
  readonly party: number;
  /** A connection. */
  readonly connection: number;
}

/** One connection's works. */
interface Connected {
  readonly asker: Asker;
  underWay: number;
  /** The longest first. */
  readonly waiting: Set<() => void>;
}

/** One party's. */
interface Party {
  readonly name: string;
  underWay: number;
  readonly connections: Map<Asker, Connected>;
  /** Those with works that wait; the one whose work began last comes last. */
  readonly line: Set<Connected>;
}

/**
 * Places for works, of which so many are under way at once. Beyond that the
 * parties stand in line, and of each its connections: one that asks for much
 * waits for itself, and the others' works are not behind thousands of its. Nor do
 * few that take all they may leave none: what goes beyond the first work of each
 * party has all places but {@linkcode FIRST_PLACES}, or what one party may have.
 */
export class SharedPlaces {
  readonly #limit: number;
  readonly #partyLimit: number;
  readonly #connectionLimit: number;
  /** Works beyond the first of each party. */
  readonly #furtherLimit: number;
  readonly #parties = new Map<string, Party>();
  /** Those with works that wait; the one whose work began last comes last. */
  readonly #line = new Set<Party>();
  #count = 0;
  /** Of them, those beyond the first of each party. */
  #further = 0;
  #waiting = 0;

  /** `limit` works at most, and one at least of each that there are shares of. */
  constructor(limit: number, { party, connection }: Shares) {
    this.#limit = limit;
    this.#partyLimit = Math.ceil(limit * party);
    this.#connectionLimit = Math.ceil(limit * connection);
    this.#furtherLimit = Math.max(this.#partyLimit - 1, limit - FIRST_PLACES);
  }

  /** Works that are under way. */
  get count(): number {
    return this.#count;
  }

  /** Works that stand in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Has `act` done for the one that asks: at once, or when it has a place, which it
   * may leave before it ends. Rejects with {@linkcode GivenUp} where `call` is given
   * up before.
   */
  async run<T>(
    act: (leave: () => void) => Promise<T>,
    call?: OngoingCall,
  ): Promise<T> {
    const asker = askedBy();
    const entered = this.enter(asker, call);
    if (entered !== undefined) await entered;
    let hasPlace = true;
    const leave = () => {
      if (hasPlace) this.leave(asker);
      hasPlace = false;
    };
    try {
      return await act(leave);
    } finally {
      leave();
    }
  }

  /** Whether there is a place: the work has begun then, to be followed by {@linkcode leave}. */
  tryToEnter(asker: Asker): boolean {
    const known = this.#parties.get(asker.party);
    if (!this.#mayBegin(known, known?.connections.get(asker))) return false;
    const party = this.#partyOf(asker);
    this.#begin(party, connectedOf(party, asker));
    return true;
  }

  /**
   * A work begins, to be followed by {@linkcode leave}; where it has to stand in
   * line, when the promise resolves. It throws, or rejects with, {@linkcode GivenUp},
   * and the work is not to begin, where `call` is given up before.
   */
  enter(asker: Asker, call?: OngoingCall): Promise<void> | undefined {
    call?.assertGoesOn();
    if (this.tryToEnter(asker)) return undefined;
    const party = this.#partyOf(asker);
    const connected = connectedOf(party, asker);
    this.#waiting++;
    party.line.add(connected);
    this.#line.add(party);
    return new Promise((resolve, reject) => {
      const forget = call?.whenGivenUp(() => {
        connected.waiting.delete(begin);
        this.#waiting--;
        this.#tidy(party, connected);
        reject(new GivenUp());
      });
      const begin = () => {
        forget?.();
        resolve();
      };
      connected.waiting.add(begin);
    });
  }

  /** One that has begun has ended. */
  leave(asker: Asker): void {
    const party = this.#partyOf(asker);
    const connected = connectedOf(party, asker);
    connected.underWay--;
    party.underWay--;
    if (party.underWay > 0) this.#further--;
    this.#count--;
    this.#serve();
    this.#tidy(party, connected);
  }

  #partyOf({ party: name }: Asker): Party {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { name, underWay: 0, connections: new Map(), line: new Set() };
      this.#parties.set(name, party);
    }
    return party;
  }

  /** Forgets what has nothing in line, and nothing under way. */
  #tidy(party: Party, connected: Connected): void {
    if (connected.waiting.size > 0) return;
    party.line.delete(connected);
    if (party.line.size === 0) this.#line.delete(party);
    if (connected.underWay > 0) return;
    party.connections.delete(connected.asker);
    if (party.connections.size === 0) this.#parties.delete(party.name);
  }

  #mayBegin(party?: Party, connected?: Connected): boolean {
    const own = party?.underWay ?? 0;
    return this.#count < this.#limit && own < this.#partyLimit &&
      (own === 0 || this.#further < this.#furtherLimit) &&
      (connected?.underWay ?? 0) < this.#connectionLimit;
  }

  #begin(party: Party, connected: Connected): void {
    connected.underWay++;
    if (party.underWay > 0) this.#further++;
    party.underWay++;
    this.#count++;
  }

  /** Begins the one that is next, where it may: few of a line have all that they may have. */
  #serve(): void {
    for (const party of this.#line) {
      if (!this.#mayBegin(party)) continue;
      for (const connected of party.line) {
        if (!this.#mayBegin(party, connected)) continue;
        const begin = connected.waiting.values().next().value!;
        connected.waiting.delete(begin);
        party.line.delete(connected);
        if (connected.waiting.size > 0) party.line.add(connected);
        this.#line.delete(party);
        if (party.line.size > 0) this.#line.add(party);
        this.#waiting--;
        this.#begin(party, connected);
        return begin();
      }
    }
  }
}

function connectedOf({ connections }: Party, asker: Asker): Connected {
  let connected = connections.get(asker);
  if (connected === undefined) {
    connected = { asker, underWay: 0, waiting: new Set() };
    connections.set(asker, connected);
  }
  return connected;
}
