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
}

/**
 * Bytes in hand, of all connections together: requests that wait, partial
 * records, replies and callbacks that were not taken. Nothing more is read from
 * a connection that has to wait, and no request of it is carried out, whose
 * reply would have to be held.
 *
 * When half of the budget is used, those connections wait that hold more than
 * their equal share of that half; at three quarters all that hold anything. The
 * last quarter is for those that hold nothing, and the last eighth for small
 * replies: a quiet client is served although others hoard, a thousand newcomers
 * among them.
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
  #limit = 0;
  #step = 0;
  readonly #shares = new Set<BudgetShare>();
  readonly #waiting = new Set<BudgetShare>();
  #used = 0;
  /** Bytes given back since the connections that wait were told last. */
  #freed = 0;

  /** Nothing is held. */
  constructor({ limit, step }: BufferBudgetOptions) {
    this.#largest = step;
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
    return this.#waiting.size > 0 && !this.#hasCommonRoom(0);
  }

  /** Whether any connection may hold more than it needs. */
  get isRoomy(): boolean {
    return this.#hasCommonRoom(0);
  }

  /**
   * Bytes that have to be given back before a connection can send a large
   * request to its end and be answered, whatever others hold.
   */
  get excess(): number {
    return this.#used + this.#whole - this.limit / 2;
  }

  /** Whether a connection that holds nothing waits. */
  get isExhausted(): boolean {
    for (const { isQuiet } of this.#waiting) if (isQuiet) return true;
    return false;
  }

  /** A connection comes; `again` is called when it was not admitted, and may look again. */
  join(again: () => void): BudgetShare {
    const share = new BudgetShare(this, again);
    this.#shares.add(share);
    return share;
  }

  /** A connection is gone, and holds nothing any more. */
  leave(share: BudgetShare): void {
    this.#shares.delete(share);
    this.#waiting.delete(share);
  }

  /** A connection holds `bytes` more, or less. */
  change(bytes: number): void {
    this.#used += bytes;
    if (bytes >= 0 || this.#waiting.size === 0) return;
    this.#freed -= bytes;
    // Telling all of each packet that one of them has taken would be work for nothing.
    const isEased = this.#hasCommonRoom(0);
    if (isEased || this.#freed >= this.#step) this.relieve();
  }

  /**
   * Whether the next request of a connection that holds `held` bytes may be taken
   * up, when `promised` bytes more are about to be used.
   */
  admits({ held, isQuiet }: Holding, promised = 0): boolean {
    const used = this.#used + promised;
    const wanted = used + this.#step;
    if (this.#hasCommonRoom(promised)) return true;
    if (isQuiet) return used + this.#small <= this.limit;
    if (wanted > this.limit * 0.75) return false;
    return held <= this.limit / 2 / Math.max(1, this.#shares.size);
  }

  /** Whether a reply that is no longer small may grow by so many `bytes`. */
  hasRoom(bytes: number): boolean {
    if (this.#used + bytes <= this.limit * 7 / 8) return true;
    this.refusals++;
    this.exhausted?.();
    return false;
  }

  /** Whether the next request of any connection finds room, in the half that is for all. */
  #hasCommonRoom(promised: number): boolean {
    return this.#used + promised + this.#step <= this.limit / 2;
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
   * Has those look again that find room now: connections in the middle of a
   * request before those with replies to take, and those that took least lately
   * first. All the others go on waiting; a thousand that look in vain would
   * cost more than the request of the one that is served.
   */
  relieve(): void {
    this.#freed = 0;
    const waiting = [...this.#waiting].sort((a, b) =>
      Number(a.pending > 0) - Number(b.pending > 0) || a.taken - b.taken
    );
    let promised = 0;
    for (const share of waiting) {
      if (!this.admits(share, promised)) continue;
      promised += this.#wantOf(share);
      this.#waiting.delete(share);
      share.again();
    }
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

/** What one connection has in hand. */
export interface Holding {
  readonly held: number;
  /** Bytes of whole requests in it, and of replies. */
  readonly pending: number;
  /** Whether nothing of that is a request, whole or in part, or a reply. */
  readonly isQuiet: boolean;
}

/** What one connection has of the budget. */
export class BudgetShare implements Holding {
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
  constructor(budget: BufferBudget, again: () => void) {
    this.#budget = budget;
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
    this.#budget.change(change);
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
    return this.#budget.hasRoom(bytes);
  }

  /** The connection is gone. */
  end(): void {
    this.#budget.leave(this);
    this.hold(0);
  }
}
