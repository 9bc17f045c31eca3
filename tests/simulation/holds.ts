/**
 * The model of who holds what. For each hold there are two spans of time: when
 * the client may be certain of it (from the answer that granted it until it gives
 * it back or its lease may have run out), and when it is possible (from the
 * request until the answer that ended it). Two conflicting holds that are certain
 * at the same moment are the server's fault, and so is a refusal that no possible
 * hold explains. Nothing here looks into the server.
 */

import type { World } from "./world.ts";

/** What a hold is of, and what it keeps others from. */
export type Mode =
  | { readonly kind: "lock"; readonly write: boolean }
  | { readonly kind: "open"; readonly access: number; readonly deny: number }
  | { readonly kind: "delegation"; readonly write: boolean };

/** The lease that a client's holds hang on. */
export class ClientLease {
  /** Which client; the same over restarts of the server. */
  readonly client: string;
  /** Virtual time until which it is certain. */
  validUntil = 0;
  /** Virtual time at which the server last heard of the client. */
  heardAt = 0;
  /** Holds that have not ended. */
  readonly holds = new Set<Hold>();

  constructor(client: string) {
    this.client = client;
  }
}

/** Something held, or asked for. */
export interface Hold {
  readonly lease: ClientLease;
  /** Who within the client. */
  readonly owner: string;
  /** What it is held on. */
  readonly resource: string;
  readonly mode: Mode;
  /** When it was asked for. */
  readonly askedAt: number;
  /** When it was granted; Infinity before. */
  from: number;
  /** When the client gave it back, or no longer counts on it. */
  end: number;
  /** When the server is known to have ended it. */
  goneAt: number;
  /** Of a delegation: when somebody else first asked for what it excludes. */
  contestedAt: number;
  /** Of a delegation: when the server was first known to wait for it. */
  awaitedAt: number;
}

const READ = 1;
const WRITE = 2;
/** Milliseconds after its arrival in which a request may still renew a lease. */
const SLACK = 1_000;
/** Milliseconds after which the server has certainly looked at the time again. */
const SWEEP = 2_000;
/** A delegation that was wanted for longer than a lease by this is returned late. */
const LEASE_SHARE = 30;

/** All holds of a history. */
export class HoldBook {
  readonly #world: World;
  readonly #leaseMs: number;
  readonly #byResource = new Map<string, Hold[]>();
  /** By client; those that have ended, too. */
  readonly #delegations = new Map<string, Hold[]>();

  constructor(world: World, leaseMs: number) {
    this.#world = world;
    this.#leaseMs = leaseMs;
  }

  /** Something is asked for, from now on possible. */
  ask(
    lease: ClientLease,
    what: Pick<Hold, "owner" | "resource" | "mode">,
    askedAt = this.#world.now,
  ): Hold {
    const hold: Hold = {
      ...what,
      lease,
      askedAt,
      from: Infinity,
      end: Infinity,
      goneAt: Infinity,
      contestedAt: Infinity,
      awaitedAt: Infinity,
    };
    const holds = listOf(this.#byResource, hold.resource);
    if (hold.mode.kind === "delegation") {
      listOf(this.#delegations, lease.client).push(hold);
    }
    for (const other of holds) {
      if (!areInConflict(hold, other)) continue;
      // One of them may have been asked for while the other one was.
      if (other.goneAt >= hold.askedAt) contest(hold, other);
    }
    holds.push(hold);
    lease.holds.add(hold);
    return hold;
  }

  /** It was granted. */
  granted(hold: Hold, from = this.#world.now): void {
    hold.from = from;
    this.#check(hold);
  }

  /** The client gives it back, and must not count on it any more. */
  releasing(hold: Hold): void {
    hold.end = Math.min(hold.end, this.#world.now, hold.lease.validUntil);
  }

  /** The server has ended it, or never granted it. */
  released(hold: Hold): void {
    this.releasing(hold);
    hold.goneAt = Math.min(hold.goneAt, this.#world.now);
    hold.lease.holds.delete(hold);
  }

  /** A request sent at `sentAt` has renewed the lease. */
  renewed(lease: ClientLease, sentAt: number): void {
    const until = sentAt + this.#leaseMs;
    if (until <= lease.validUntil) return;
    lease.validUntil = until;
    for (const hold of lease.holds) this.#check(hold);
  }

  /** The client has crashed: it counts on nothing, the server need not know yet. */
  abandoned(lease: ClientLease): void {
    for (const hold of lease.holds) this.releasing(hold);
  }

  /** All that the client had is gone. */
  lost(lease: ClientLease): void {
    for (const hold of [...lease.holds]) this.released(hold);
  }

  /**
   * It was denied, but waits in line: for a while it may be why others are
   * denied (RFC 8881 9.6).
   */
  waiting(hold: Hold, milliseconds: number): void {
    this.releasing(hold);
    hold.goneAt = this.#world.now + milliseconds;
    hold.lease.holds.delete(hold);
  }

  /** What was asked for at `sentAt` is refused: somebody's hold must explain it. */
  explain(
    refused: Hold,
    options: { readonly sentAt: number; readonly holder?: string },
  ): void {
    const { sentAt, holder } = options;
    const { now } = this.#world;
    const found = listOf(this.#byResource, refused.resource).some((hold) =>
      hold !== refused &&
      (holder === undefined || hold.owner === holder) &&
      // RFC 8881 18.16.3: an owner's own open is no exception.
      (hold.owner !== refused.owner || hold.mode.kind === "open") &&
      excludes(hold.mode, refused.mode) &&
      hold.askedAt < now && hold.goneAt >= sentAt &&
      // RFC 8881 8.4.3: a lapsed lease is in nobody's way.
      hold.lease.heardAt + this.#leaseMs + SLACK >= sentAt
    );
    this.#world.insist(
      found,
      () =>
        `refused without reason: ${nameOf(refused)}, by ${
          holder ?? "whom nobody knows"
        }`,
    );
  }

  /** What was asked for at `sentAt` is put off: no delegation may be why for longer than a lease. */
  putOff(asked: Hold, sentAt: number): void {
    for (const hold of listOf(this.#byResource, asked.resource)) {
      const isWhy = hold.mode.kind === "delegation" &&
        hold.goneAt === Infinity && areInConflict(hold, asked);
      if (!isWhy) continue;
      hold.awaitedAt = Math.min(hold.awaitedAt, this.#world.now);
      this.#world.insist(
        sentAt <= hold.awaitedAt + this.#leaseMs + SWEEP,
        () => `nobody revokes ${nameOf(hold)}`,
      );
    }
  }

  /** A hold in spite of which something was done, although it was certain all the time. */
  forbidding(
    done: Pick<Hold, "lease" | "owner" | "resource" | "mode">,
    sentAt: number,
  ): Hold | undefined {
    return listOf(this.#byResource, done.resource).find((hold) =>
      areInConflict(hold, done) &&
      hold.from <= sentAt && this.#endOf(hold) >= this.#world.now
    );
  }

  /**
   * The server has restarted. Who lost a delegation and has not acknowledged it
   * may reclaim nothing (RFC 8881 8.4.3), so nobody need wait for it.
   */
  restarted(): void {
    for (const holds of this.#byResource.values()) {
      for (const hold of holds) {
        // The next start begins to wait anew.
        hold.awaitedAt = Infinity;
        const isLost = hold.goneAt === Infinity && this.isOverdue(hold);
        if (isLost) this.abandoned(hold.lease);
      }
    }
  }

  /** Whether a delegation may be revoked: it was recalled as long ago as a lease is (RFC 8881 10.4.5). */
  isOverdue(hold: Hold): boolean {
    return this.#world.now >= this.#recalledAt(hold) + this.#leaseMs;
  }

  #check(hold: Hold): void {
    if (hold.from === Infinity) return;
    for (const other of listOf(this.#byResource, hold.resource)) {
      if (other === hold || !areInConflict(hold, other)) continue;
      const begin = Math.max(hold.from, other.from);
      const end = Math.min(this.#endOf(hold), this.#endOf(other));
      this.#world.insist(
        begin >= end,
        () =>
          `both held from ${begin} to ${end}: ${nameOf(hold)} and ${
            nameOf(other)
          }`,
      );
    }
  }

  #endOf(hold: Hold): number {
    const { end, lease } = hold;
    const overdueAt = this.#recalledAt(hold) + this.#leaseMs;
    return Math.min(end, lease.validUntil, overdueAt);
  }

  /**
   * When the server may have recalled a delegation first: once another client
   * asks for what it excludes, and as soon as its holder is late with another,
   * which has all recalled that it has.
   */
  #recalledAt(hold: Hold): number {
    let first = hold.contestedAt;
    if (hold.mode.kind !== "delegation") return first;
    for (const other of listOf(this.#delegations, hold.lease.client)) {
      const lateAt = other.contestedAt + this.#leaseMs / LEASE_SHARE;
      const isLate = lateAt < Math.min(other.goneAt, this.#world.now);
      // One that was granted later was not there to be recalled.
      if (!isLate || other.goneAt < hold.askedAt) continue;
      first = Math.min(first, Math.max(lateAt, hold.askedAt));
    }
    return first;
  }
}

function listOf(lists: Map<string, Hold[]>, key: string): Hold[] {
  let holds = lists.get(key);
  if (holds === undefined) lists.set(key, holds = []);
  return holds;
}

/** Of a delegation and what it excludes, the former is to be given up. */
function contest(a: Hold, b: Hold): void {
  const since = Math.max(a.askedAt, b.askedAt);
  for (const hold of [a, b]) {
    if (hold.mode.kind !== "delegation") continue;
    hold.contestedAt = Math.min(hold.contestedAt, since);
  }
}

function areInConflict(
  a: Pick<Hold, "lease" | "owner" | "mode">,
  b: Pick<Hold, "lease" | "owner" | "mode">,
): boolean {
  if (a.owner === b.owner) return false;
  const byDelegation = a.mode.kind === "delegation" ||
    b.mode.kind === "delegation";
  // A client's own opens are what its delegation is for.
  if (byDelegation && a.lease.client === b.lease.client) return false;
  return excludes(a.mode, b.mode);
}

/** Whether two modes can't be held at a time by two owners. */
export function excludes(a: Mode, b: Mode): boolean {
  if (a.kind === "lock" || b.kind === "lock") {
    return a.kind === "lock" && b.kind === "lock" && (a.write || b.write);
  }
  if (a.kind === "open" && b.kind === "open") {
    return ((a.access & b.deny) | (a.deny & b.access)) !== 0;
  }
  if (a.kind === "delegation" && b.kind === "delegation") {
    return a.write || b.write;
  }
  if (a.kind === "open") return excludes(b, a);
  // RFC 8881 10.4: a read delegation stands readers who deny nothing.
  return b.kind === "open" && a.kind === "delegation" &&
    (a.write || (b.access & WRITE) !== 0 || (b.deny & READ) !== 0);
}

function nameOf(hold: Hold): string {
  return `${describe(hold)} of ${hold.owner} (since ${hold.from})`;
}

function describe({ mode, resource }: Pick<Hold, "mode" | "resource">): string {
  const what = mode.kind === "open"
    ? `open ${mode.access}/${mode.deny}`
    : `${mode.write ? "write" : "read"} ${mode.kind}`;
  return `${what} on ${resource}`;
}
