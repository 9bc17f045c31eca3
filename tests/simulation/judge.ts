/** What a process may be answered, and what it must be. */

import { Status } from "../../src/nfs4/constants.ts";
import { statusName } from "../support/client/mod.ts";
import type { Mode } from "./holds.ts";
import type { Peer } from "./peer.ts";
import { LEASE_MS } from "./server.ts";
import type { World } from "./world.ts";

/** Judges the answers that a process gets. */
export class Judge {
  readonly #peer: Peer;
  readonly #name: string;

  /** Of the process `name`. */
  constructor(peer: Peer, name: string) {
    this.#peer = peer;
    this.#name = name;
  }

  /** There is no reason why this should have failed. */
  expect(what: string, status: number): void {
    this.#peer.around.world.count(what);
    const answered = () => `${what} answered ${statusName(status)}`;
    this.insist(status === Status.OK, answered);
  }

  /** A refusal that is in order at some times; the process waits a little. */
  async excuse(what: string, status: number, sentAt: number): Promise<void> {
    const { server, world } = this.#peer.around;
    // RFC 8881 8.4.2.1: put off while others reclaim, to twice its length at most.
    const inGrace = status === Status.GRACE &&
      sentAt <= server.starts.at(-1)! + 2 * LEASE_MS;
    this.insist(
      inGrace || status === Status.DELAY || this.isStale(sentAt),
      () => `${what} answered ${statusName(status)}`,
    );
    await world.pause(200, 2_000);
  }

  /** NFSv4.0: after a lease, a request sent again may find its owner forgotten (RFC 7530 9.1.10). */
  isStale(sentAt: number): boolean {
    const { minorVersion, around: { world } } = this.#peer;
    return minorVersion === 0 && world.now > sentAt + LEASE_MS;
  }

  /** What was done between `sentAt` and now must have been allowed at some moment between. */
  insistAllowed(
    resource: string,
    mode: Mode,
    { sentAt, owner }: { readonly sentAt: number; readonly owner: string },
  ): void {
    const { lease, around: { book } } = this.#peer;
    const hold = book.forbidding({ lease, owner, resource, mode }, sentAt);
    this.insist(
      hold === undefined,
      () => `${mode.kind} of ${resource} in spite of ${hold?.owner}`,
    );
  }

  /** Throws a violation with the name of the process. */
  insist(condition: boolean, message: () => string): asserts condition {
    const world: World = this.#peer.around.world;
    world.insist(condition, () => `${this.#name}: ${message()}`);
  }
}
