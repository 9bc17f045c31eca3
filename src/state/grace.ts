import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { Client } from "./client.ts";
import type { Clock } from "../base/clock.ts";
import { finish, type Piecework } from "./effects.ts";

/** What a client calls itself, and its principal. */
export type ClientName = Pick<Client, "protocol" | "owner" | "principal">;

/** The clients that held state when the server stopped: what `src/recovery` keeps. */
export interface ReclaimRecords {
  /** Whether this client may reclaim what it held. */
  mayReclaim(client: Client): boolean;
  /** Whether a client of that name is on record that is another principal's. */
  isOthers(named: ClientName): boolean;
  /** Puts the client on record, before it is granted something new; false when that fails. */
  admit(client: Client): boolean;
  /** The client has reclaimed all that it wants (RFC 8881 18.51). */
  completed(client: Client): void;
  /** The client has acknowledged all that was taken from it (RFC 8881 18.38). */
  acknowledged(client: Client): void;
}

/** Milliseconds that the period lasts at least after a reclaim: where there was one, more may come. */
export const GRACE_EXTENSION_MS = 5_000;

/** Options of {@linkcode GracePeriod}. */
export interface GracePeriodOptions {
  readonly clock: Clock;
  /** Length in milliseconds, up to twice as long while clients reclaim; 0, no grace period at all, if left out. */
  readonly durationMs?: number | undefined;
  /** The clients that may reclaim; all if left out. */
  readonly records?: ReclaimRecords | undefined;
  /**
   * Begun once, when no reclaim is taken any more; no client gets anything new
   * before it is done.
   */
  readonly onEnd?: (() => Piecework) | undefined;
  /** Does that in pieces; it is done at once if left out. */
  readonly begin?: ((work: Piecework) => void) | undefined;
}

/**
 * The time after a start in which clients take back what they held, and none
 * gets anything new (RFC 8881 8.4.2.1, RFC 7530 9.6.2).
 */
export class GracePeriod {
  readonly #clock: Clock;
  readonly #records: ReclaimRecords | undefined;
  readonly #onEnd: (() => Piecework) | undefined;
  readonly #begin: (work: Piecework) => void;
  readonly #durationMs: number;
  #latestEnd = 0;
  readonly #extensionMs: number;
  #endsAt = 0;
  /** Reclaims so far, by whether they were let through. */
  readonly reclaims = { allowed: 0, refused: 0 };
  #isActive: boolean;
  #isEnding = false;
  #overAt = -Infinity;
  /** What waits for its end. */
  #awaiting: (() => void)[] = [];

  /** Starts the period; see {@linkcode GracePeriod.opened}. */
  constructor(options: GracePeriodOptions) {
    const { clock, durationMs = 0 } = options;
    this.#clock = clock;
    this.#records = options.records;
    this.#onEnd = options.onEnd;
    this.#begin = options.begin ?? finish;
    this.#durationMs = durationMs;
    this.#extensionMs = Math.min(GRACE_EXTENSION_MS, durationMs);
    this.#isActive = durationMs > 0;
    this.opened();
  }

  /** Clients can come from now on: the period is as long as if it had begun now. */
  opened(): void {
    this.#endsAt = this.#clock.now() + this.#durationMs;
    this.#latestEnd = this.#endsAt + this.#durationMs;
  }

  /** Whether the period lasts: no client gets anything new. */
  get isActive(): boolean {
    if (this.#isActive && this.#clock.now() >= this.#endsAt) this.end();
    return this.#isActive;
  }

  /** Clock time at which it was over: Infinity while it lasts, -Infinity where there was none. */
  get overAt(): number {
    return this.isActive ? Infinity : this.#overAt;
  }

  /** Whether reclaims are taken: until the period begins to end. */
  get takesReclaims(): boolean {
    return this.isActive && !this.#isEnding;
  }

  /** Ends the period early: all clients that may reclaim have. */
  end(): void {
    if (!this.#isActive || this.#isEnding) return;
    this.#isEnding = true;
    this.#begin(this.#wrapUp());
  }

  *#wrapUp(): Piecework {
    if (this.#onEnd !== undefined) yield* this.#onEnd();
    this.#isActive = false;
    this.#overAt = this.#clock.now();
    const acts = this.#awaiting;
    this.#awaiting = [];
    for (const act of acts) act();
  }

  /** Has `act` called when the period is over; at once where it is. */
  whenOver(act: () => void): void {
    if (this.isActive) this.#awaiting.push(act);
    else act();
  }

  /** Whether the client still has something to reclaim: SEQ4_STATUS_RESTART_RECLAIM_NEEDED. */
  mayReclaim(client: Client): boolean {
    return this.takesReclaims && !client.isReclaimComplete &&
      (this.#records?.mayReclaim(client) ?? true);
  }

  /**
   * Whether a client that held something is still to come back by this name,
   * and it is not this one: another client that took the name first would keep
   * it out, and what it held would be lost.
   */
  isReserved(named: ClientName): boolean {
    return this.takesReclaims && (this.#records?.isOthers(named) ?? false);
  }

  /**
   * Answer to a reclaim (CLAIM_PREVIOUS, LOCK with reclaim): NFS4ERR_NO_GRACE
   * outside the period, after RECLAIM_COMPLETE (RFC 8881 18.51.3) and for a
   * client that held nothing (RFC 8881 8.4.2.1, RFC 7530 9.6.3.4).
   */
  checkReclaim(client: Client): StatusCode {
    const allowed = this.mayReclaim(client);
    this.reclaims[allowed ? "allowed" : "refused"]++;
    if (!allowed) return Status.NO_GRACE;
    this.#putOff();
    return Status.OK;
  }

  /**
   * RFC 8881 8.4.2.1, RFC 7530 9.6.2: the period should not end while clients
   * reclaim, and has to end some time.
   */
  #putOff(): void {
    const end = Math.min(
      this.#clock.now() + this.#extensionMs,
      this.#latestEnd,
    );
    this.#endsAt = Math.max(this.#endsAt, end);
  }

  /**
   * Answer to an OPEN or LOCK that is no reclaim: NFS4ERR_GRACE during the
   * period, unless it `isUnrivalled`: by all that other clients may reclaim. In
   * NFSv4.1 so is one before RECLAIM_COMPLETE (RFC 8881 18.51.3). NFS4ERR_DELAY
   * while the client can't be put on record.
   */
  checkNew(client: Client, isUnrivalled = false): StatusCode {
    const early = client.protocol === 1 && !client.isReclaimComplete;
    const isTooEarly = early || (this.isActive && !isUnrivalled);
    if (isTooEarly) return Status.GRACE;
    // RFC 8881 8.4.3: without a record it would lose it all at the next restart.
    return this.#records?.admit(client) ?? true ? Status.OK : Status.DELAY;
  }

  /** The client has sent a global RECLAIM_COMPLETE. */
  complete(client: Client): void {
    this.#records?.completed(client);
  }

  /** The client has freed the last state that was revoked. */
  acknowledge(client: Client): void {
    this.#records?.acknowledged(client);
  }
}
