import { isRoot, keptForRoot, ROOT } from "./party.ts";

/**
 * Bytes of a reply for which there is room once its request is carried out. A
 * handler that writes more asks first: {@linkcode BufferBudget.hasRoom}.
 */
export const SMALL_REPLY: number = 16 * 1024;

/** Bytes that one more request of a quiet client takes: a buffer to read into, and a small reply. */
const SMALL_CALL = 64 * 1024;

/** Options of {@linkcode BufferBudget}. */
export interface BufferBudgetOptions {
  /** Bytes that all connections together may hold. */
  readonly limit: number;
  /** Bytes that one more request may take: the largest reply. */
  readonly step: number;
  /** Whether the host tells who its root is, for whom a part is kept; if left out, it does not. */
  readonly keepsForRoot?: boolean | undefined;
}

/**
 * What a party may hold, by how many times as much as is left to the others then;
 * behind each what it comes to for a party that is alone.
 */
enum Part {
  /** With one more request of any of its connections: half of the budget. */
  ANY = 1,
  /** Of one that holds no more than an equal part of what the party does: two thirds. */
  MODEST = 2,
  /** With a reply that is not small: three quarters. */
  REPLY = 3,
  /** With one more small request of a connection that holds nothing: seven eighths. */
  QUIET = 7,
}

/**
 * Bytes in hand, of all connections together: requests that wait, partial
 * records, replies and callbacks that were not taken. Nothing more is read from
 * a connection that has to wait, and no request of it is carried out, whose
 * reply would have to be held.
 *
 * The parties share it out: however many connections a party has, it holds no
 * more than a part of what is left to the others ({@linkcode Part}), of which the
 * last is for those of its connections that hold nothing. Thus a quiet client is
 * served although others hoard, a thousand newcomers of another party among them.
 */
export class BufferBudget {
  /** Times that a connection had to wait. */
  waits = 0;
  /** Replies that were kept small, or refused. */
  refusals = 0;
  /** Connections closed because they held what others needed. */
  cuts = 0;
  /**
   * Called when a connection that holds nothing is not admitted, or a reply has
   * no room; the listener's.
   */
  exhausted: (() => void) | undefined;
  readonly #largest: number;
  readonly #keepsForRoot: boolean;
  readonly #parties = new Map<string, PartyHolding>();
  #limit = 0;
  #step = 0;
  readonly #shares = new Set<BudgetShare>();
  readonly #waiting = new Set<BudgetShare>();
  #used = 0;
  /** Bytes that those will take that are told to look again just now. */
  #promised = 0;
  /** Bytes given back since the connections that wait were told last. */
  #freed = 0;

  /** Nothing is held. */
  constructor({ limit, step, keepsForRoot = false }: BufferBudgetOptions) {
    this.#largest = step;
    this.#keepsForRoot = keepsForRoot;
    this.limit = limit;
  }

  /** Bytes that all may hold. */
  get limit(): number {
    return this.#limit;
  }

  set limit(bytes: number) {
    this.#limit = bytes;
    this.#step = Math.min(this.#largest, bytes / 8);
  }

  get #small(): number {
    return Math.min(SMALL_CALL, this.#step);
  }

  /** Of a large request that has begun to come, in a buffer of twice that, and a reply. */
  get #whole(): number {
    return 3 * this.#step;
  }

  /** Bytes that are held. */
  get used(): number {
    return this.#used;
  }

  /**
   * Whether connections that do not get on are in the others' way: those wait
   * that hold anything, or more than their share.
   */
  get isTight(): boolean {
    if (this.#used + this.#step > this.limit * 0.75) return true;
    return this.#waiting.size > 0 && !this.#hasCommonRoom;
  }

  /** Whether any connection may hold more than it needs. */
  get isRoomy(): boolean {
    return this.#hasCommonRoom;
  }

  /**
   * Bytes that a party has to give back before a connection of it can send a large
   * request to its end and be answered; none where the next of any is admitted.
   */
  excessOf(name: string): number {
    const party = this.#parties.get(name);
    if (party === undefined || this.#fits(party, this.#step, Part.ANY)) {
      return 0;
    }
    return (party.held - this.#leftTo(name)) / 2 + this.#whole;
  }

  /** Whether a connection that holds nothing waits. */
  get isExhausted(): boolean {
    for (const { isQuiet } of this.#waiting) if (isQuiet) return true;
    return false;
  }

  /** A connection of a party comes; `again` is called when it was not admitted, and may look again. */
  join(name: string, again: () => void): BudgetShare {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { name, held: 0, promised: 0, connections: 0 };
      this.#parties.set(name, party);
    }
    party.connections++;
    const share = new BudgetShare(this, party, again);
    this.#shares.add(share);
    return share;
  }

  /** A connection is gone, and holds nothing any more. */
  leave(share: BudgetShare): void {
    const { party } = share;
    if (!this.#shares.delete(share)) return;
    this.#waiting.delete(share);
    if (--party.connections === 0) this.#parties.delete(party.name);
  }

  /** A connection of a party holds `bytes` more, or less. */
  change(party: PartyHolding, bytes: number): void {
    this.#used += bytes;
    party.held += bytes;
    if (bytes >= 0 || this.#waiting.size === 0) return;
    this.#freed -= bytes;
    // Telling all of each packet that one of them has taken would be work for nothing.
    const isEased = this.#hasCommonRoom;
    if (isEased || this.#freed >= this.#step) this.relieve();
  }

  /** Whether the next request of a connection may be taken up. */
  admits({ party, held, isQuiet }: Holding): boolean {
    if (isQuiet) return this.#fits(party, this.#small, Part.QUIET);
    const isModest = held * party.connections <= party.held;
    return this.#fits(party, this.#step, isModest ? Part.MODEST : Part.ANY);
  }

  /** Whether a party's reply that is no longer small may grow by so many `bytes`. */
  hasRoom(party: PartyHolding, bytes: number): boolean {
    if (this.#fits(party, bytes, Part.REPLY)) return true;
    this.refusals++;
    this.exhausted?.();
    return false;
  }

  #fits(party: PartyHolding, bytes: number, part: Part): boolean {
    const held = party.held + party.promised + bytes;
    return held <= part * (this.#leftTo(party.name) - bytes);
  }

  /** Bytes that no party holds or was promised, but for those that are kept from this one. */
  #leftTo(party: string): number {
    const left = this.limit - this.#used - this.#promised;
    if (isRoot(party)) return left;
    const ofRoot = this.#parties.get(ROOT)?.held ?? 0;
    return left - Math.max(0, this.#kept - ofRoot);
  }

  /** Bytes that root may hold, whatever others do. */
  get #kept(): number {
    return this.#keepsForRoot ? keptForRoot(this.limit) : 0;
  }

  /** Whether the next request of any connection finds room, whatever its party holds. */
  get #hasCommonRoom(): boolean {
    return this.#used + this.#step <= (this.limit - this.#kept) / 2;
  }

  /** Has `share` told once, when there may be room. */
  wait(share: BudgetShare): void {
    this.#waiting.add(share);
  }

  /** `share` was admitted, whether or not it was told to look. */
  admitted(share: BudgetShare): void {
    this.#waiting.delete(share);
  }

  /**
   * Has those look again that find room now: those of the party that holds least
   * first, connections in the middle of a request before those with replies to
   * take, and those that took least lately first. All the others go on waiting; a
   * thousand that look in vain would cost more than the request of the one that is
   * served.
   */
  relieve(): void {
    this.#freed = 0;
    const waiting = [...this.#waiting].sort((a, b) =>
      a.party.held - b.party.held ||
      Number(a.pending > 0) - Number(b.pending > 0) || a.taken - b.taken
    );
    for (const share of waiting) {
      if (!this.admits(share)) continue;
      const wanted = this.#wantOf(share);
      share.party.promised += wanted;
      this.#promised += wanted;
      this.#waiting.delete(share);
      share.again();
    }
    for (const { party } of waiting) party.promised = 0;
    this.#promised = 0;
  }

  /** Bytes that a connection may come to hold until its next request is answered. */
  #wantOf({ isQuiet, pending }: Holding): number {
    if (isQuiet) return this.#small;
    return pending > 0 ? this.#step : this.#whole;
  }

  /** Time goes by: what was taken long ago counts for less. */
  age(): void {
    for (const share of this.#shares) share.taken /= 2;
  }
}

/** What the connections of one party have in hand together. */
export interface PartyHolding {
  readonly name: string;
  /** Bytes that they hold. */
  held: number;
  /** Bytes that those of them will take that are told to look again just now. */
  promised: number;
  /** How many they are. */
  connections: number;
}

/** What one connection has in hand. */
export interface Holding {
  readonly party: PartyHolding;
  readonly held: number;
  /** Bytes of whole requests in it, and of replies. */
  readonly pending: number;
  /** Whether nothing of that is a request, whole or in part, or a reply. */
  readonly isQuiet: boolean;
}

/** What one connection has of the budget. */
export class BudgetShare implements Holding {
  /** Whose it is. */
  readonly party: PartyHolding;
  /** Tells the connection that it may look again. */
  readonly again: () => void;
  /** Bytes that it came to hold lately, however long. */
  taken = 0;
  /** Whether nothing of that was a request or a reply when it last asked. */
  isQuiet = false;
  /** Bytes of whole requests and of replies at that time. */
  pending = 0;
  readonly #budget: BufferBudget;
  #held = 0;
  #isWaiting = false;

  /** See {@linkcode BufferBudget.join}. */
  constructor(budget: BufferBudget, party: PartyHolding, again: () => void) {
    this.#budget = budget;
    this.party = party;
    this.again = again;
  }

  /** Bytes that it holds. */
  get held(): number {
    return this.#held;
  }

  /** It holds so many bytes by now. */
  hold(bytes: number): void {
    const change = bytes - this.#held;
    if (change === 0) return;
    this.#held = bytes;
    if (change > 0) this.taken += change;
    this.#budget.change(this.party, change);
  }

  /**
   * Whether its next request may be taken up; otherwise it is told when to look
   * again. `isQuiet`: nothing that it holds is a request or a reply; `pending`:
   * bytes of whole requests and of replies in what it holds.
   */
  admits(isQuiet: boolean, pending: number): boolean {
    this.isQuiet = isQuiet;
    this.pending = pending;
    const isAdmitted = this.#budget.admits(this);
    if (!isAdmitted) {
      if (!this.#isWaiting) this.#budget.waits++;
      this.#budget.wait(this);
      if (isQuiet) this.#budget.exhausted?.();
    } else if (this.#isWaiting) this.#budget.admitted(this);
    this.#isWaiting = !isAdmitted;
    return isAdmitted;
  }

  /** As {@linkcode BufferBudget.hasRoom}. */
  hasRoom(bytes: number): boolean {
    return this.#budget.hasRoom(this.party, bytes);
  }

  /** The connection is gone. */
  end(): void {
    this.hold(0);
    this.#budget.leave(this);
  }
}
