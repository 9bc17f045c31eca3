import type { Client } from "./client.ts";
import type { Clock } from "../base/clock.ts";

/** How long a client's state is safe without a word from it (RFC 8881 8.3). */
export class Lease {
  /** Length of a lease in milliseconds: the lease_time attribute. */
  readonly leaseMs: number;
  readonly #clock: Clock;

  /** A lease of `leaseMs` milliseconds by `clock`. */
  constructor(leaseMs: number, clock: Clock) {
    this.leaseMs = leaseMs;
    this.#clock = clock;
  }

  /** Starts the client's lease anew, `at` by the clock or now (RFC 8881 8.3, RFC 7530 9.5). */
  renew(client: Client, at: number = this.#clock.now()): void {
    client.renewedAt = at;
  }

  /**
   * Whether the lease ran out, which it does not while a request of the client is
   * being carried out (RFC 8881 8.3). The client keeps what it has until another
   * client's request conflicts: see `ServerState.expireIfLapsed`.
   */
  isExpired(client: Client): boolean {
    return client.requestsUnderWay === 0 &&
      this.#clock.now() - client.renewedAt > this.leaseMs;
  }
}
