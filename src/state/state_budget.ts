import { isRoot } from "../rpc/party.ts";
import {
  freeTo,
  mayHaveMore,
  NEARLY_ALL,
  SHARE,
  type Shared,
} from "./party_shares.ts";

/**
 * What each thing that is remembered of clients costs, in bytes of memory: as
 * tests/bench/state_costs.ts measures it, rounded up.
 */
export const STATE_COSTS = {
  /** A client, its part in recovery included; three times its name comes on top. */
  client: 3_400,
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
  /** One that is locked no more, and not cleared away yet. */
  over: 232,
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

/** The memory that the server may use for what it remembers of clients. */
export class StateBudget implements Shared {
  /** Bytes in all. */
  limit: number;
  /** Bytes in use. */
  used = 0;
  /** How often a client found no room for more, here or in a limit of a client. */
  refusals = 0;
  /** How many there are of each kind. */
  readonly counts: Record<StateKind, number>;
  /** Whether a part of all that has a limit is kept for root of this host. */
  readonly keepsForRoot: boolean;
  #ofRoot = 0;
  readonly #accounts = new Map<string, StateAccount>();

  /** `limit` bytes; there is none if left out. `keepsForRoot`: the host tells who root is. */
  constructor(limit = Infinity, { keepsForRoot = false } = {}) {
    this.limit = limit;
    this.keepsForRoot = keepsForRoot;
    const kinds = Object.keys(STATE_COSTS) as StateKind[];
    this.counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<
      StateKind,
      number
    >;
  }

  /** {@inheritDoc Shared.ofRoot} */
  get ofRoot(): number | undefined {
    return this.keepsForRoot ? this.#ofRoot : undefined;
  }

  /** Whether so much is in use that nothing is kept as a courtesy. */
  get isTight(): boolean {
    return this.used >= SHARE * freeTo("", this);
  }

  /** What the clients of a party hold together. */
  account(party: string): StateAccount {
    let account = this.#accounts.get(party);
    if (account === undefined) {
      const ofRoot = isRoot(party);
      account = new StateAccount(this, party, (bytes) => {
        if (ofRoot) this.#ofRoot += bytes;
        // Nothing can come to hold anything of it again but by this map.
        if (account!.bytes === 0 && this.#accounts.get(party) === account) {
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
  readonly #party: string;
  readonly #changed: (bytes: number) => void;

  /** That of `party`; `changed` is told by how many bytes it has grown. */
  constructor(
    budget: StateBudget,
    party: string,
    changed: (bytes: number) => void,
  ) {
    this.#budget = budget;
    this.#party = party;
    this.#changed = changed;
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
    this.#changed(bytes);
  }

  /** Whether it has all that it may. */
  get isFull(): boolean {
    return !mayHaveMore(this.#party, this.bytes, this.#budget);
  }

  /** Whether it has nearly all that it may. */
  get isNearlyFull(): boolean {
    return !mayHaveMore(this.#party, this.bytes / NEARLY_ALL, this.#budget);
  }

  /** Whether there is room for one thing more; where not, a refusal is counted. */
  admits(): boolean {
    if (!this.isFull) return true;
    this.#budget.refusals++;
    return false;
  }
}
