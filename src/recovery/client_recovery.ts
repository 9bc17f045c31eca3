import type { Logger } from "../base/log.ts";
import type { Client } from "../state/client.ts";
import { finish, LOOK, type Piecework } from "../state/effects.ts";
import type {
  ClientName,
  GracePeriodOptions,
  ReclaimRecords,
} from "../state/grace.ts";
import type { ClientEnd, ClientObserver } from "../state/observers.ts";
import { UNKNOWN } from "../rpc/auth.ts";
import type { ServerState } from "../state/server_state.ts";
import {
  type ClientRecord,
  recordKey,
  type RecordStore,
} from "./record_store.ts";

/** Options of {@linkcode ClientRecovery}. */
export interface ClientRecoveryOptions {
  /** Where the records are. */
  readonly store: RecordStore;
  /** What an earlier start has left in it. */
  readonly left: readonly ClientRecord[];
  /** Lease in milliseconds. */
  readonly leaseMs: number;
  /** Length of the grace period in milliseconds; the longest lease that a recorded client knows if left out. */
  readonly graceMs?: number | undefined;
  /** What an operator should know. */
  readonly log: Logger;
}

/** Pieces of work that it takes to write that a record is gone. */
const FORGET = 4;

/**
 * The clients that may reclaim after a restart (RFC 8881 8.4.2.1 and 8.4.3, RFC
 * 7530 9.6).
 *
 * A client is put on record before it is granted something new, and taken off
 * when what it holds is lost. When the grace period ends, the records of those
 * go that did not come back. So a record says just what the next start has to
 * know, whichever start wrote it: no conflicting lock was granted since. A
 * restart during the grace period finds all of them still there.
 */
export class ClientRecovery
  implements ReclaimRecords, ClientObserver, Disposable {
  readonly #store: RecordStore;
  readonly #log: Logger;
  readonly #leaseMs: number;
  readonly #graceMs: number;
  readonly #records = new Map<string, ClientRecord>();
  /** Recorded clients that have yet to say that they are done reclaiming. */
  readonly #awaited = new Set<string>();
  /** Clients whose record is there, found without its key. */
  readonly #recorded = new WeakSet<Client>();
  /** NFSv4.0 clients that lost something and have no way to acknowledge it. */
  readonly #bereft = new WeakSet<Client>();
  #state: ServerState | undefined;
  #failures = 0;

  constructor(options: ClientRecoveryOptions) {
    const { store, left, leaseMs } = options;
    this.#store = store;
    this.#log = options.log;
    this.#leaseMs = leaseMs;
    let longest = 0;
    let isKept = true;
    for (const old of left) {
      longest = Math.max(longest, old.leaseMs, leaseMs);
      // They will learn of the lease of this start. Where the disk has no room for
      // that, a next start waits too short for them only if its own is shorter.
      const record = { ...old, leaseMs: Math.max(old.leaseMs, leaseMs) };
      if (old.leaseMs < leaseMs) isKept &&= this.#keep(record);
      const key = recordKey(record);
      this.#records.set(key, record);
      this.#awaited.add(key);
    }
    // RFC 8881 8.4.2.1: at least as long as the lease before the restart.
    this.#graceMs = longest === 0 ? 0 : options.graceMs ?? longest;
  }

  /** The grace period that there is to be: none where there are no records. */
  get grace(): Omit<GracePeriodOptions, "clock" | "begin"> {
    return {
      durationMs: this.#graceMs,
      records: this,
      onEnd: () => this.#endGrace(),
    };
  }

  /** Number of clients on record. */
  get size(): number {
    return this.#records.size;
  }

  /** How often records could not be kept. */
  get failures(): number {
    return this.#failures;
  }

  /** Follows what becomes of the clients of `state`, which was made with {@linkcode ClientRecovery.grace}. */
  watch(state: ServerState): void {
    this.#state = state;
    state.observeClients(this);
    // With a length of 0 it is over before it began.
    if (!state.grace.isActive) return finish(this.#prune());
    this.#log.info("grace period: clients may reclaim", {
      clients: this.#records.size,
      seconds: this.#graceMs / 1000,
    });
  }

  /** {@inheritDoc ReclaimRecords.mayReclaim} */
  mayReclaim(client: Client): boolean {
    return this.#recordOf(client) !== undefined;
  }

  /** {@inheritDoc ReclaimRecords.isOthers} */
  isOthers(named: ClientName): boolean {
    const principal = this.#records.get(recordKey(named))?.principal;
    // A client that was not vouched for may be believed by now, after a start
    // on other terms.
    return principal !== undefined && principal !== UNKNOWN.principal &&
      principal !== named.principal;
  }

  /** {@inheritDoc ReclaimRecords.admit} */
  admit(client: Client): boolean {
    // RFC 8881 8.4.3: no record until it has acknowledged what was revoked.
    if (this.#recorded.has(client) || this.#hasLost(client)) return true;
    const { protocol, owner, principal } = client;
    const record = { protocol, owner, principal, leaseMs: this.#leaseMs };
    if (!this.#keep(record)) return false;
    this.#records.set(recordKey(record), record);
    this.#recorded.add(client);
    return true;
  }

  /** {@inheritDoc ReclaimRecords.completed} */
  completed(client: Client): void {
    if (!this.#isInGrace) {
      // What it reclaimed in time is safe from now on (RFC 8881 8.4.3).
      if (this.#isEstablished(client)) this.admit(client);
      return;
    }
    const record = this.#recordOf(client);
    if (record === undefined) return;
    this.#awaited.delete(recordKey(record));
    this.#endIfDone();
  }

  /** {@inheritDoc ReclaimRecords.acknowledged} */
  acknowledged(client: Client): void {
    // RFC 8881 8.4.3: what it holds still can be reclaimed again.
    if (this.#isEstablished(client)) this.admit(client);
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(client: Client, reason: ClientEnd): void {
    const record = this.#recordOf(client);
    if (record === undefined) return;
    if (reason === "replaced" && this.#isInGrace) {
      // Nothing new was granted since: its next incarnation may begin again.
      this.#awaited.add(recordKey(record));
      return;
    }
    this.#forget(record);
    this.#endIfDone();
  }

  /** {@inheritDoc ClientObserver.stateRevoked} */
  stateRevoked(client: Client): void {
    if (client.protocol === 0) this.#bereft.add(client);
    this.#recorded.delete(client);
    const record = this.#recordOf(client);
    if (record === undefined) return;
    this.#forget(record);
    this.#endIfDone();
  }

  /**
   * The server stops in order: the next start has to wait for no client that
   * holds nothing, and has nothing to reclaim any more. One that comes back while
   * others reclaim makes do without a record, as a new one does.
   */
  end(): void {
    const { clients } = this.#state!;
    for (const [key, record] of this.#records) {
      const { confirmed } = clients.ofOwner(record.protocol, record.owner);
      const isDone = confirmed?.principal === record.principal &&
        confirmed.states.isEmpty && !this.#awaited.has(key);
      if (!isDone) continue;
      // A request that is carried out all the same puts it on record anew.
      this.#recorded.delete(confirmed);
      this.#forget(record);
    }
  }

  /** Whether a client may be found on record after a crash that has none any more. */
  get isForgetting(): boolean {
    return this.#store.isForgetting;
  }

  /** Waits until the records on disk are those of now; for the answers that rely on them. */
  settle(): void | Promise<void> {
    const failed = (error: unknown): never => {
      this.#fail(error);
      throw error;
    };
    try {
      return this.#store.flush()?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Closes the store. */
  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  get #isInGrace(): boolean {
    return this.#state?.grace.takesReclaims ?? false;
  }

  /** The record of the client, which another principal of the same name does not share. */
  #recordOf(client: Client): ClientRecord | undefined {
    const record = this.#records.get(recordKey(client));
    return record?.principal === client.principal ? record : undefined;
  }

  #hasLost(client: Client): boolean {
    return client.states.revoked > 0 || this.#bereft.has(client);
  }

  /** Whether what the client holds now is all that it believes to hold. */
  #isEstablished(client: Client): boolean {
    // RFC 8881 8.4.3, second edge condition. In NFSv4.0, RFC 7530 9.6.3.4, the
    // first OPEN that succeeds begins a new lease, and the client must know.
    const complete = client.protocol === 0 || client.isReclaimComplete;
    return complete && !client.states.isEmpty && !this.#hasLost(client);
  }

  /** RFC 8881 8.4.2.1: the period may end when all that are known are done; NFSv4.0 can't say so. */
  #endIfDone(): void {
    if (this.#awaited.size === 0) this.#state?.grace.end();
  }

  *#endGrace(): Piecework {
    const before = this.#records.size;
    yield* this.#prune();
    const back = this.#records.size;
    this.#log.info("grace period over", { back, lost: before - back });
  }

  /** Now that others may be granted what they held: a client that did not come back has lost it. */
  *#prune(): Piecework {
    const { clients } = this.#state!;
    this.#awaited.clear();
    for (const record of this.#records.values()) {
      const { confirmed } = clients.ofOwner(record.protocol, record.owner);
      const isBack = confirmed?.principal === record.principal &&
        this.#isEstablished(confirmed);
      if (isBack) this.#recorded.add(confirmed);
      else this.#forget(record);
      yield isBack ? LOOK : FORGET;
    }
  }

  /** Puts the record in the store; whether that could be done. */
  #keep(record: ClientRecord): boolean {
    try {
      this.#store.put(record);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #forget(record: ClientRecord): void {
    const key = recordKey(record);
    this.#records.delete(key);
    this.#awaited.delete(key);
    this.#store.delete(record);
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#log.error("client records can't be kept", { error });
  }
}
