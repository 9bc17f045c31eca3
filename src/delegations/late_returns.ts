import type { Clock } from "../base/clock.ts";
import { RecentMap } from "../base/recent_map.ts";
import type { Client } from "../state/client.ts";
import { RECALL_PIECES, recallDelegation } from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import type { ServerState } from "../state/server_state.ts";

/** A recall that takes no longer than a lease by this is answered in time. */
const LEASE_SHARE = 30;
/** How many times as long as it kept others waiting a client goes without delegations. */
export const FACTOR = 20;
/** A delegation that is back so many milliseconds after it was wanted has kept no client waiting. */
export const PROMPT_MS = 100;
const MAX_REMEMBERED = 10_000;

/** How long a principal's clients have kept others waiting of late. */
interface Waited {
  /** Milliseconds, less a part of the time that has gone by. */
  readonly ms: number;
  /** Clock time up to which they were counted: who waits for two of them waits once. */
  readonly until: number;
}

/** Who of a party goes without delegations. */
interface Late {
  /** Clock time in milliseconds until when. */
  readonly until: number;
  /** Whose clients; `undefined` when several principals' were late, and all of it goes without. */
  readonly principal: string | undefined;
}

/**
 * Clients that kept others waiting for a delegation: one of the conditions of
 * the next is that they "responded properly to previous recalls" (RFC 8881
 * 10.4). However it ended, by a late return, a revocation or with the client,
 * they go without for much longer than they took. They are known by who
 * registered them, and where, for a name is changed at will; and where several
 * were late all go without, for a host has principals as it likes.
 */
export class LateReturns {
  readonly #clock: Clock;
  readonly #inTime: number;
  /** By party and principal. */
  readonly #waited = new RecentMap<string, Waited>(MAX_REMEMBERED);
  /** By party. */
  readonly #late = new RecentMap<string, Late>(MAX_REMEMBERED);

  /** `leaseMs` in milliseconds is the time that a recall has. */
  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#inTime = leaseMs / LEASE_SHARE;
  }

  /**
   * Another client wants a file since `ms` milliseconds, and what this one was to
   * return is still out, or has ended just now. Whether it goes without from now
   * on, and did not before: for one that is late with it, and for one that returns
   * each just in time, and so keeps others waiting for as many as it has.
   */
  note(client: Client, ms: number): boolean {
    if (ms <= PROMPT_MS) return false;
    const waited = Math.max(ms, this.#addUp(client, ms));
    if (waited <= this.#inTime) return false;
    const isNew = !this.has(client);
    const { party, principal } = client;
    const known = this.#of(party) ?? { until: 0, principal };
    const until = this.#clock.now() + FACTOR * waited;
    this.#late.set(party, {
      until: Math.max(until, known.until),
      principal: known.principal === principal ? principal : undefined,
    });
    return isNew;
  }

  /** How long others have waited of late, the last `ms` milliseconds among them. */
  #addUp({ party, principal }: Client, ms: number): number {
    const key = `${party} ${principal}`;
    const now = this.#clock.now();
    const before = this.#waited.get(key) ?? { ms: 0, until: now - ms };
    const left = Math.max(0, before.ms - (now - before.until) / FACTOR);
    const sum = left + Math.min(ms, now - before.until);
    this.#waited.set(key, { ms: sum, until: now });
    return sum;
  }

  /** Whether a client goes without. */
  has({ party, principal }: Client): boolean {
    const late = this.#of(party);
    if (late === undefined) return false;
    return late.principal === undefined || late.principal === principal;
  }

  /**
   * Recalls what clients hold that go without: the time to return it runs out for
   * all of it at once, and not anew for each file that another client comes to.
   */
  *recalls(state: ServerState): Piecework {
    for (const client of state.clients) {
      yield LOOK;
      if (client.states.delegations === 0 || !this.has(client)) continue;
      for (const held of client.states.all.values()) {
        yield LOOK;
        // It may have been returned meanwhile, or revoked.
        const isOut = held.kind === "delegation" && !client.isGone &&
          held.file.delegations.get(client) === held;
        if (!isOut || held.isRecalled) continue;
        recallDelegation(state, held, "late");
        yield RECALL_PIECES;
      }
    }
  }

  #of(party: string): Late | undefined {
    const late = this.#late.get(party);
    return late !== undefined && this.#clock.now() < late.until
      ? late
      : undefined;
  }
}
