/**
 * What each thing that is remembered of clients costs, in bytes of memory: as
 * tests/bench/state_costs.ts measures it, rounded up.
 */
export const STATE_COSTS = {
  /** A client, its part in recovery included; three times its name comes on top. */
  client: 3_000,
  /** A session, with the answer of its CREATE_SESSION. */
  session: 1_800,
  /** What sends a session's callbacks, a CB_NULL that waits for its answer included. */
  backchannel: 6_500,
  /** A connection that is bound to a session. */
  binding: 192,
  /** A slot that was used; its kept reply comes on top. */
  slot: 256,
  /** An open or lock owner, with the answer that NFSv4.0 keeps; its name comes on top. */
  owner: 640,
  /** A file that something is held on, with its filehandle. */
  file: 1_200,
  /** An open. */
  open: 704,
  /** What NFSv4.0 keeps of an owner's last CLOSE. */
  closed: 1_024,
  /** A lock stateid, and what the first lock of a file makes. */
  lock: 2_100,
  /** A locked range. */
  range: 232,
  /** A delegation. */
  delegation: 576,
  /** A lock that is waited for. */
  waiting: 1_024,
  /** An answer that a slot keeps for a retry; its bytes come on top. */
  reply: 256,
  /** One that is kept for a retry of an NFSv4.0 request; its bytes come on top. */
  answer: 512,
  /** A connection that such answers are kept of. */
  requester: 800,
} as const;

/** What is counted. */
export type StateKind = keyof typeof STATE_COSTS;

/**
 * While a party holds this many times what is free, it gets no more: alone
 * it may have three quarters of all, two have three sevenths each, and the next
 * party always finds something.
 */
export const SHARE = 3;

/** Whether a party that holds `held` may have more while so much is free. */
export function mayHaveMore(held: number, free: number): boolean {
  return held < SHARE * free;
}

/** The memory that the server may use for what it remembers of clients. */
export class StateBudget {
  /** Bytes in all. */
  readonly limit: number;
  /** Bytes in use. */
  used = 0;
  /** How often a client found no room for more, here or in a limit of a client. */
  refusals = 0;
  /** How many there are of each kind. */
  readonly counts: Record<StateKind, number>;
  readonly #accounts = new Map<string, StateAccount>();

  /** `limit` bytes; there is none if left out. */
  constructor(limit = Infinity) {
    this.limit = limit;
    const kinds = Object.keys(STATE_COSTS) as StateKind[];
    this.counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<
      StateKind,
      number
    >;
  }

  /** Bytes that are not in use. */
  get free(): number {
    return this.limit - this.used;
  }

  /** Whether so much is in use that nothing is kept as a courtesy. */
  get isTight(): boolean {
    return !mayHaveMore(this.used, this.free);
  }

  /** What the clients of a party hold together. */
  account(party: string): StateAccount {
    let account = this.#accounts.get(party);
    if (account === undefined) {
      account = new StateAccount(this, () => {
        // Nothing can come to hold anything of it again but by this map.
        if (this.#accounts.get(party) === account) {
          this.#accounts.delete(party);
        }
      });
      this.#accounts.set(party, account);
    }
    return account;
  }
}

/** What one party has of a {@linkcode StateBudget}. */
export class StateAccount {
  /** Bytes in use. */
  bytes = 0;
  readonly #budget: StateBudget;
  readonly #emptied: () => void;

  /** Of `budget`; `emptied` is called when nothing is held any more. */
  constructor(budget: StateBudget, emptied: () => void) {
    this.#budget = budget;
    this.#emptied = emptied;
  }

  /**
   * Things of a kind came, or went where `by` is negative; `extra` are the bytes
   * of each that come on top of its cost.
   */
  count(kind: StateKind, by: number, extra = 0): void {
    const bytes = by * (STATE_COSTS[kind] + extra);
    const budget = this.#budget;
    budget.counts[kind] += by;
    budget.used += bytes;
    this.bytes += bytes;
    if (this.bytes === 0) this.#emptied();
  }

  /** Whether it has all that it may. */
  get isFull(): boolean {
    return !mayHaveMore(this.bytes, this.#budget.free);
  }

  /** Whether there is room for one thing more; where not, a refusal is counted. */
  admits(): boolean {
    if (!this.isFull) return true;
    this.#budget.refusals++;
    return false;
  }
}
