import type { Clock } from "../base/clock.ts";
import { RecentMap } from "../base/recent_map.ts";
import type { Client } from "../state/client.ts";

/** A recall that takes no longer than a lease by this is answered in time. */
const LEASE_SHARE = 30;
/** How many times as long as it kept others waiting a client goes without delegations. */
export const FACTOR = 20;
const MAX_REMEMBERED = 10_000;

/**
 * Clients that kept others waiting for a delegation: one of the conditions of
 * the next is that they "responded properly to previous recalls" (RFC 8881
 * 10.4). However it ended, by a late return, a revocation or with the client,
 * they go without for much longer than they took. They are known by who
 * registered them, and where, for a name is changed at will.
 */
export class LateReturns {
  readonly #clock: Clock;
  readonly #inTime: number;
  /** Until when. */
  readonly #until = new RecentMap<string, number>(MAX_REMEMBERED);

  /** `leaseMs` in milliseconds is the time that a recall has. */
  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#inTime = leaseMs / LEASE_SHARE;
  }

  /** What a client was to return has ended, `ms` milliseconds after another wanted the file. */
  note(client: Client, ms: number): void {
    if (ms <= this.#inTime) return;
    const key = keyOf(client);
    const until = this.#clock.now() + FACTOR * ms;
    this.#until.set(key, Math.max(until, this.#until.get(key) ?? 0));
  }

  /** Whether a client goes without. */
  has(client: Client): boolean {
    const until = this.#until.get(keyOf(client));
    return until !== undefined && this.#clock.now() < until;
  }
}

function keyOf({ principal, party }: Client): string {
  return `${principal} ${party}`;
}
