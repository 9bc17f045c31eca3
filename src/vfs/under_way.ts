import type { Asker } from "../base/asker.ts";

/**
 * On a back end of ours whose every call waits for another thread: operations in
 * it stand in line, as in file systems of others.
 */
export const standsInLine: unique symbol = Symbol("stands in line");

/** Of the operations that may be under way, this part at most is one party's. */
const PARTY_SHARE = 1 / 2;
/** And this part those of one connection: clients of one network don't wait for each other's. */
const CONNECTION_SHARE = 1 / 8;

/** One connection's operations. */
interface Connected {
  underWay: number;
  /** The longest first. */
  readonly waiting: (() => void)[];
}

/** One party's. */
interface Party {
  underWay: number;
  readonly connections: Map<Asker, Connected>;
  /** Those with operations that wait; the one whose operation began last comes last. */
  readonly line: Set<Connected>;
}

/**
 * The operations under way in a file system that has its callers wait. What is
 * asked of it at once is bounded, and beyond that the parties stand in line: one
 * that asks for much waits for itself, and the others' calls are not behind
 * thousands of its calls.
 */
export class OperationsUnderWay {
  readonly #limit: number;
  readonly #partyLimit: number;
  readonly #connectionLimit: number;
  readonly #parties = new Map<string, Party>();
  /** Those with operations that wait; the one whose operation began last comes last. */
  readonly #line = new Set<Party>();
  #count = 0;
  #waiting = 0;

  /** At most `limit`. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#partyLimit = Math.ceil(limit * PARTY_SHARE);
    this.#connectionLimit = Math.ceil(limit * CONNECTION_SHARE);
  }

  /** Operations that are under way. */
  get count(): number {
    return this.#count;
  }

  /** Operations that stand in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * An operation begins, to be followed by {@linkcode leave}; where it has to
   * stand in line, when the promise resolves.
   */
  enter(asker: Asker): Promise<void> | undefined {
    const party = this.#partyOf(asker);
    const connected = connectedOf(party, asker);
    if (this.#mayBegin(party, connected)) {
      this.#begin(party, connected);
      return undefined;
    }
    this.#waiting++;
    party.line.add(connected);
    this.#line.add(party);
    return new Promise((resolve) => void connected.waiting.push(resolve));
  }

  /** One that has begun has ended. */
  leave(asker: Asker): void {
    const party = this.#partyOf(asker);
    const connected = connectedOf(party, asker);
    connected.underWay--;
    party.underWay--;
    this.#count--;
    this.#serve();
    if (connected.underWay > 0 || connected.waiting.length > 0) return;
    party.connections.delete(asker);
    if (party.connections.size === 0) this.#parties.delete(asker.party);
  }

  #partyOf({ party: name }: Asker): Party {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { underWay: 0, connections: new Map(), line: new Set() };
      this.#parties.set(name, party);
    }
    return party;
  }

  #mayBegin(party: Party, connected?: Connected): boolean {
    return this.#count < this.#limit && party.underWay < this.#partyLimit &&
      (connected?.underWay ?? 0) < this.#connectionLimit;
  }

  #begin(party: Party, connected: Connected): void {
    connected.underWay++;
    party.underWay++;
    this.#count++;
  }

  /** Begins the one that is next, where it may: few of a line have all that they may have. */
  #serve(): void {
    for (const party of this.#line) {
      if (!this.#mayBegin(party)) continue;
      for (const connected of party.line) {
        if (!this.#mayBegin(party, connected)) continue;
        const begin = connected.waiting.shift()!;
        party.line.delete(connected);
        if (connected.waiting.length > 0) party.line.add(connected);
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
    connected = { underWay: 0, waiting: [] };
    connections.set(asker, connected);
  }
  return connected;
}
