import { OWN } from "../base/asker.ts";
import { SequenceFlag } from "../nfs4/sessions.ts";
import type { Client } from "./client.ts";
import { ClientTable } from "./clients.ts";
import type { Clock, RandomBytes } from "../base/clock.ts";
import { type CopyLimits, CopyTable } from "./copies.ts";
import type { DelegationPolicy } from "./delegations.ts";
import { DuplicateRequests } from "./duplicate_requests.ts";
import { type EffectQueue, LOOK, type Piecework } from "./effects.ts";
import { FileStateTable, type LockingTables } from "./file_states.ts";
import { GracePeriod, type GracePeriodOptions } from "./grace.ts";
import { Lease } from "./lease.ts";
import { forgetIdleOwners } from "./idle_owners.ts";
import type { ClientEnd, ClientObserver } from "./observers.ts";
import { releaseClientState } from "./client_release.ts";
import { ReplyLimit } from "./reply_limit.ts";
import { SessionTable } from "./sessions.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { SessionStore } from "./session_store.ts";
import { StateBudget } from "./state_budget.ts";
import { givesWayTo } from "../rpc/party.ts";
import { StateidTable } from "./stateids.ts";
import { LockQueue, type LockQueueLimits } from "./lock_queue.ts";

/** How a server names itself to clients of NFSv4.1 (RFC 8881 2.10.4, 2.10.5). */
export interface ServerIdentity {
  /** so_major_id: servers with the same one and the same scope are one server. At most 1024 bytes. */
  readonly majorId: Uint8Array;
  /** eir_server_scope: at most 1024 bytes. */
  readonly scope: Uint8Array;
}

/** Options of {@linkcode ServerState}. */
export interface ServerStateOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Where slow work goes. */
  readonly effects: EffectQueue;
  /** What EXCHANGE_ID calls the server. */
  readonly identity: ServerIdentity;
  /** Length of a lease in milliseconds. */
  readonly leaseMs: number;
  /**
   * How long a client may stay away and keep what no other client wants, in
   * milliseconds; a day if left out.
   */
  readonly courtesyMs?: number | undefined;
  /** Grace period; none if left out. */
  readonly grace?: Omit<GracePeriodOptions, "clock" | "begin"> | undefined;
  /** Keeps persistent sessions; no client gets one if left out. */
  readonly sessionStore?: SessionStore | undefined;
  /** Decides which clients get delegations; none if left out. */
  readonly delegations?: DelegationPolicy | undefined;
  /** Whether the host tells who root is, for whom a part of all is kept; if left out, it does not. */
  readonly keepsForRoot?: boolean | undefined;
  readonly limits: LockQueueLimits & CopyLimits & {
    /** Clients, confirmed or not. */
    readonly maxClients: number;
    /** Sessions of a client. */
    readonly maxSessionsPerClient: number;
    /** Connections that are bound to a session. */
    readonly maxConnectionsPerSession: number;
    /** Bytes of replies that slots keep for replay, and of answers kept for NFSv4.0; 256 MiB each if left out. */
    readonly maxReplayCacheBytes?: number | undefined;
    /** Bytes of all that is remembered of clients; without a limit if left out. */
    readonly maxStateBytes?: number | undefined;
  };
}

/** How long what no other client wants outlives its lease, in milliseconds. */
export const DAY = 24 * 60 * 60 * 1000;
const REPLAY_CACHE_BYTES = 256 * 1024 * 1024;

/** All that the server remembers of its clients. Its functions never wait. */
export class ServerState implements LockingTables {
  readonly clock: Clock;
  /** What EXCHANGE_ID calls the server. */
  readonly identity: ServerIdentity;
  /** How long state is safe. */
  readonly lease: Lease;
  /** The time in which clients reclaim. */
  readonly grace: GracePeriod;
  /** Memory of all that is remembered of clients. */
  readonly budget: StateBudget;
  readonly clients: ClientTable;
  readonly sessions: SessionTable;
  /** Memory of the replies that sessions keep. */
  readonly replyLimit: ReplyLimit;
  /** Answers to NFSv4.0 requests that may come again. */
  readonly duplicates: DuplicateRequests;
  /** Keeps persistent sessions, where there are any. */
  readonly sessionStore: SessionStore | undefined;
  /** Opens, locks and delegations by stateid. */
  readonly stateids: StateidTable;
  /** Opens, locks and delegations by file. */
  readonly files: FileStateTable;
  /** Blocking locks that are waited for. */
  readonly waiting: LockQueue;
  /** Copies that go on behind their answers. */
  readonly copies: CopyTable;
  readonly #courtesyMs: number;
  readonly #effects: EffectQueue;
  #isSweeping = false;
  /** The time of a sweep that was to begin while another went on; it begins when that ends. */
  #nextSweep: number | undefined;
  readonly #observers: ClientObserver[] = [];

  constructor(options: ServerStateOptions) {
    const { clock, random, limits } = options;
    this.clock = clock;
    this.#effects = options.effects;
    this.identity = options.identity;
    this.lease = new Lease(options.leaseMs, clock);
    this.grace = new GracePeriod({
      clock,
      begin: (work) => options.effects.begin(work, OWN.party),
      ...options.grace,
    });
    const { keepsForRoot } = options;
    this.budget = new StateBudget(limits.maxStateBytes, { keepsForRoot });
    this.clients = new ClientTable({
      budget: this.budget,
      clock,
      random,
      lease: this.lease,
      maxClients: limits.maxClients,
      drop: (client, reason) => this.dropClient(client, reason),
    });
    const { maxReplayCacheBytes = REPLAY_CACHE_BYTES } = limits;
    this.duplicates = new DuplicateRequests({
      clock,
      budget: this.budget,
      maxBytes: maxReplayCacheBytes,
    });
    this.sessionStore = options.sessionStore;
    this.sessions = new SessionTable({
      clock,
      random,
      maxSessionsPerClient: limits.maxSessionsPerClient,
      maxConnectionsPerSession: limits.maxConnectionsPerSession,
      effects: options.effects,
      store: this.sessionStore,
    });
    this.replyLimit = new ReplyLimit(
      this.sessions,
      maxReplayCacheBytes,
      this.budget,
    );
    this.stateids = new StateidTable({
      boot: new DataView(random(4).buffer).getUint32(0),
      random,
    });
    this.copies = new CopyTable(this.stateids, limits);
    this.files = new FileStateTable({
      effects: options.effects,
      policy: options.delegations,
    });
    this.waiting = new LockQueue({
      clock,
      effects: options.effects,
      leaseMs: options.leaseMs,
      limits,
    });
    this.#courtesyMs = options.courtesyMs ?? DAY;
  }

  /** Tells `observer` what becomes of clients from now on. */
  observeClients(observer: ClientObserver): void {
    this.#observers.push(observer);
  }

  /**
   * Whether a client has something to lose: state and a lease (RFC 8881 2.4.3, RFC
   * 7530 9.1.2).
   */
  holdsOn(client: Client): boolean {
    const isHolding = client.hasState || this.copies.areRunning(client);
    return isHolding && !this.lease.isExpired(client);
  }

  /**
   * Whether a confirmed client keeps its name from another principal. Not from
   * root of this host, where it is a user's: names of mounts can be guessed, and
   * the first to use one would keep the mount out.
   */
  keepsName(client: Client, { party }: Pick<Client, "party">): boolean {
    return this.holdsOn(client) && !givesWayTo(client.party, party);
  }

  /** Confirms a registration: the owner's former incarnation goes with all it had. */
  confirmClient(client: Client): void {
    const { confirmed } = this.clients.ofOwner(client.protocol, client.owner);
    if (confirmed !== undefined) this.dropClient(confirmed, "replaced");
    this.clients.confirm(client);
    // RFC 8881 18.46.3: until its global RECLAIM_COMPLETE.
    if (client.protocol === 1 && this.grace.mayReclaim(client)) {
      client.statusFlags |= SequenceFlag.RESTART_RECLAIM_NEEDED;
    }
    for (const observer of this.#observers) observer.clientConfirmed?.(client);
  }

  /**
   * Takes over a client with persistent sessions from an earlier start of the
   * server. What it had opened is lost, whether or not it may be reclaimed
   * (RFC 8881 18.46.3): it must say when it is done with that.
   */
  restoreClient(
    options: Pick<
      Client,
      "id" | "owner" | "verifier" | "principal" | "party"
    >,
  ): Client {
    const client = this.clients.restore(options);
    client.isPersistent = true;
    client.statusFlags |= SequenceFlag.RESTART_RECLAIM_NEEDED;
    for (const observer of this.#observers) observer.clientConfirmed?.(client);
    return client;
  }

  /**
   * Clients can come from now on: nothing ran out for them while they could not, as
   * while sessions of thousands of others were restored.
   */
  opened(): void {
    this.grace.opened();
    for (const client of this.clients) this.lease.renew(client);
  }

  /** NFSv4.0: callbacks of the client go where its registration says now. */
  callbackConfirmed(client: Client): void {
    client.noteCallbackPath(true);
    for (const observer of this.#observers) {
      observer.callbackConfirmed?.(client);
    }
  }

  /** The client has reclaimed what it wanted (RFC 8881 18.51). */
  reclaimComplete(client: Client): void {
    client.isReclaimComplete = true;
    client.statusFlags &= ~SequenceFlag.RESTART_RECLAIM_NEEDED;
    this.grace.complete(client);
    for (const observer of this.#observers) observer.clientReclaimed?.(client);
  }

  /** Some state of a client that goes on was revoked. */
  stateRevoked(client: Client): void {
    for (const observer of this.#observers) observer.stateRevoked?.(client);
  }

  /** Forgets a client: its sessions, opens, locks and delegations end. */
  dropClient(client: Client, reason: ClientEnd): void {
    if (client.isGone) return;
    for (const session of [...client.sessions]) {
      this.sessions.destroy(session, reason);
    }
    this.clients.forget(client);
    this.copies.dropClient(client);
    this.#effects.begin(releaseClientState(this, client));
    if (!client.isConfirmed) return;
    const lost = reason === "expired" || reason === "evicted";
    if (lost && client.protocol === 0) this.clients.rememberExpired(client);
    for (const observer of this.#observers) {
      observer.clientGone?.(client, reason);
    }
  }

  /**
   * The courteous server's other half: called when what `client` holds is in
   * another client's way. True when its lease had run out and all that it held
   * is gone now.
   */
  expireIfLapsed(client: Client): boolean {
    if (client.isGone) return true;
    if (!this.lease.isExpired(client)) return false;
    this.dropClient(client, "expired");
    return true;
  }

  /** The connection is closed. */
  connectionClosed(connection: Connection): void {
    this.#effects.begin(this.sessions.connectionClosed(connection));
  }

  /**
   * Ends what has run out: the grace period, the time of clients after their lease
   * (what is in conflict with them ends them before). Called every second with the
   * clock's `now` in milliseconds.
   */
  sweep(now: number): void {
    if (this.#isSweeping) this.#nextSweep = now;
    else {
      this.#isSweeping = true;
      this.#effects.begin(this.#sweepAll(now), OWN.party);
    }
    this.waiting.sweep();
    // Reading it ends the period when its time is over, which its observers are
    // told.
    void this.grace.isActive;
  }

  *#sweepAll(now: number): Piecework {
    try {
      yield* this.clients.sweep(now);
      this.#effects.begin(this.#makeRoom(), OWN.party);
      yield* this.#sweepClients(now);
      yield* this.replyLimit.sweep();
      yield* this.duplicates.sweep();
    } finally {
      this.#isSweeping = false;
    }
    const next = this.#nextSweep;
    this.#nextSweep = undefined;
    if (next !== undefined) this.sweep(next);
  }

  /** One client after the other goes, each when the memory of the one before is free. */
  *#makeRoom(): Piecework {
    if (!this.clients.dropForRoom()) return;
    yield 1;
    this.#effects.begin(this.#makeRoom(), OWN.party);
  }

  *#sweepClients(now: number): Piecework {
    const limit = this.lease.leaseMs + this.#courtesyMs;
    for (const client of this.clients) {
      if (now - client.renewedAt > limit) this.dropClient(client, "expired");
      else if (client.isPersistent) {
        this.sessions.dropAbandoned(client, now - this.lease.leaseMs);
      } // RFC 7530 9.1.10, 16.18.5: an owner is kept for a lease after its last request.
      else if (client.protocol === 0) {
        yield* forgetIdleOwners(this, client, now - this.lease.leaseMs);
      }
      yield LOOK;
    }
  }
}
