import { acceptAll } from "./accept.ts";
import { aborted } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { every } from "../base/timers.ts";
import { nextTurn } from "../base/turn.ts";
import type { BufferBudget } from "./buffer_budget.ts";
import { RpcConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { ConnectionShares, type Shares } from "./connection_shares.ts";
import { BufferPool, WriterPool } from "./pools.ts";
import {
  ConnectionWatch,
  PATIENCE,
  type Patience,
} from "./connection_watch.ts";
import { cutHoarders } from "./hoarders.ts";
import type { Introduce, Introduction } from "./introduction.ts";
import { Newcomers } from "./newcomers.ts";
import { isRoot, keptForRoot, partyOf, ROOT } from "./party.ts";
import { type Acceptor, type Connected, endpointText } from "./transport.ts";
import { isTransportError } from "./transport_error.ts";

/** Connections that end together: when descriptors run out, so that files find some as well; and when their time is up, for each takes 50 µs. */
const ENDED_AT_ONCE = 16;

/** Milliseconds that a connection has for its first call before it gives way where descriptors are short. */
const NEWCOMER_MS = 250;

/** How much less patience there is with a peer that holds what a quiet client waits for. */
export const HURRY = 5;

/** How often in the time of a hoard it is looked whether a quiet client still waits. */
export const HURRIED_LOOKS = 10;

/** Milliseconds between two looks at the timeouts. */
export const SWEEP_MS = 5_000;

/** Bytes of buffers, and of writers, that are kept for later use, at most. */
const MAX_POOL = 64 * 1024 * 1024;

/** Options of {@linkcode RpcListener}. */
export interface ListenerOptions extends
  Omit<
    ConnectionOptions,
    "buffers" | "writers" | "established" | "flavors" | "party"
  > {
  /** Where connections come from; it is the listener's from now on. */
  acceptor: Acceptor;
  /** Finds out whose a connection is, before it counts; the party of each is that of its address if left out. */
  introduce?: Introduce | undefined;
  /** Whether it tells root of this host, for whom a part of the connections is kept; if left out, it does not. */
  keepsForRoot?: boolean | undefined;
  /** Connections open at once; 4096 if left out. */
  maxConnections?: number | undefined;
  /** Connections from one address; 1024 if left out. */
  maxPerAddress?: number | undefined;
  /** Time in ms in which the first whole call must come; 30 s if left out. */
  handshakeTimeout?: number | undefined;
  /** Time in ms in which a peer must take 64 KiB of its replies, or all, and end a record that it began; 120 s if left out. */
  stallTimeout?: number | undefined;
  /**
   * Time in ms for 64 KiB either way while the budget is tight, for the peer
   * that holds the most; 10 s if left out.
   */
  hoardTimeout?: number | undefined;
  /** Time in ms without a record after which a connection gives way to others; 300 s if left out. */
  idleTimeout?: number | undefined;
  /** Time in ms between two looks at the timeouts; 5 s if left out. */
  sweepInterval?: number | undefined;
  /** Ends what else in this process holds descriptors, when they have run out; whether there was anything. */
  spare?: (() => boolean) | undefined;
  /** Has calls answered that have waited for so many ms and hold memory that others need; whether there were any. */
  hurry?: ((ms: number) => boolean) | undefined;
}

/**
 * Accepts connections and serves each until it ends.
 *
 * At a limit, and when descriptors run out, the oldest connection that has
 * never made a valid call gives way to the newest, or else the one that has
 * been idle for longest, and long. If all are at work, the party that has most
 * gives way to one that has fewer, or the newest is turned away. Thus a crowd
 * keeps no client out, silent or not. A party may have half of all, and its
 * addresses share that out in the same way.
 */
export class RpcListener implements AsyncDisposable {
  readonly #options: ListenerOptions;
  readonly #connections = new Map<RpcConnection, ConnectionWatch>();
  /** Those without a valid call yet, the oldest first. */
  readonly #strangers = new Set<RpcConnection>();
  readonly #shares = new ConnectionShares();
  readonly #shared: Partial<ConnectionOptions>;
  readonly #patience: Patience;
  readonly #clock: Clock;
  readonly #endSweeps: () => void;
  readonly #newcomers: Newcomers | undefined;
  readonly #accepting: Promise<void>;
  readonly #ending = new AbortController();
  /** Cancels that connections that wait for room look again. */
  #cancelLook: (() => void) | undefined;

  /** Accepts at once. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#patience = {
      handshake: options.handshakeTimeout ?? PATIENCE.handshake,
      stall: options.stallTimeout ?? PATIENCE.stall,
      hoard: options.hoardTimeout ?? PATIENCE.hoard,
      idle: options.idleTimeout ?? PATIENCE.idle,
    };
    this.#clock = options.clock;
    const { budget } = options;
    if (budget !== undefined) budget.exhausted = () => this.#exhausted(budget);
    const isRoomy = budget && (() => budget.isRoomy);
    // What is kept for later use is small beside what may be in use.
    const maxKept = options.budget &&
      Math.min(MAX_POOL, options.budget.limit / 8);
    this.#shared = {
      buffers: new BufferPool({ maxKept, isRoomy }),
      writers: new WriterPool({ maxKept, isRoomy }),
    };
    this.#endSweeps = every(
      options.clock,
      options.sweepInterval ?? SWEEP_MS,
      () => this.sweep(),
    );
    const { observer, introduce, callTurns, logger = silentLogger } = options;
    this.#newcomers = introduce && new Newcomers({
      introduce,
      admit: (connected, introduction) => this.#admit(connected, introduction),
      failed: (connected, error) => this.#failed(connected, error),
    });
    this.#accepting = acceptAll(options.acceptor, {
      admit: (connected) =>
        this.#newcomers === undefined
          ? this.#admit(connected, {})
          : this.#newcomers.add(connected),
      turn: callTurns && (() => callTurns.accept()),
      lost: () => observer?.connectionLost?.(),
      spare: () => this.#spare(),
      logger,
      clock: options.clock,
      signal: this.#ending.signal,
    });
  }

  /** The connections open now. */
  get connections(): Iterable<RpcConnection> {
    return this.#connections.keys();
  }

  /** Number of connections open now. */
  get size(): number {
    return this.#connections.size;
  }

  /** Closes connections whose time is up; a timer calls it. */
  sweep(): void {
    this.#closeOverdue();
    const { budget } = this.#options;
    if (budget?.isTight) this.#cutHoarders(budget, this.#patience.hoard);
    budget?.age();
    budget?.relieve();
  }

  /** Thousands may have come together. Never rejects. */
  async #closeOverdue(): Promise<void> {
    const now = this.#clock.now();
    let closed = 0;
    for (const [connection, watch] of this.#connections) {
      const reason = watch.look(now, this.#patience);
      if (reason === undefined) continue;
      if (++closed % ENDED_AT_ONCE === 0) await nextTurn();
      connection.close(reason);
    }
  }

  /** A peer that holds nothing can't be served: there is less patience with those that hoard. */
  #exhausted(budget: BufferBudget): void {
    if (this.#cancelLook !== undefined || this.#ending.signal.aborted) return;
    const { hoard } = this.#patience;
    // Closing a connection frees nothing of what a call in flight holds.
    if (!this.#options.hurry?.(hoard / HURRY)) {
      this.#cutHoarders(budget, hoard / HURRY);
    }
    this.#cancelLook = this.#clock.schedule(() => {
      this.#cancelLook = undefined;
      budget.relieve();
      if (budget.isExhausted) this.#exhausted(budget);
    }, hoard / HURRIED_LOOKS);
  }

  #cutHoarders(budget: BufferBudget, ms: number): void {
    cutHoarders(this.#connections, { budget, now: this.#clock.now(), ms });
  }

  /**
   * Stops accepting, answers what is in flight and closes all connections;
   * those not done when `signal` aborts are closed at once. Never rejects.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#stop();
    await this.#newcomers?.end();
    await this.#accepting;
    await Promise.all([...this.#connections.keys()].map(async (connection) => {
      await connection.drain(signal);
      await Promise.race([connection.ended, aborted(signal)]);
    }));
  }

  /** Closes the acceptor and all connections at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(AbortSignal.abort());
  }

  #stop(): void {
    if (this.#ending.signal.aborted) return;
    this.#endSweeps();
    this.#cancelLook?.();
    this.#ending.abort();
    this.#options.acceptor.close();
  }

  #admit(connected: Connected, { uid, flavors }: Introduction): void {
    const { observer } = this.#options;
    const { peer } = connected;
    const party = partyOf(peer, uid);
    if (this.#ending.signal.aborted || !this.#makeRoom(party, peer.hostname)) {
      connected.transport.close();
      observer?.connectionRefused?.();
      return;
    }
    const connection = new RpcConnection(connected, {
      ...this.#options,
      ...this.#shared,
      party,
      flavors,
      established: () => this.#strangers.delete(connection),
    });
    const now = this.#clock.now();
    this.#connections.set(connection, new ConnectionWatch(connection, now));
    this.#strangers.add(connection);
    this.#shares.add(connection);
    observer?.connectionOpened?.();
    this.#serve(connection);
  }

  /** One could not be introduced. */
  #failed({ peer }: Connected, error: unknown): void {
    const { observer, logger = silentLogger } = this.#options;
    if (isTransportError(error)) return observer?.connectionLost?.();
    logger.error("a connection failed", { peer: endpointText(peer), error });
    observer?.connectionRefused?.();
  }

  /** Never rejects, as `run` does not. */
  async #serve(connection: RpcConnection): Promise<void> {
    const { logger = silentLogger } = this.#options;
    const peer = endpointText(connection.peer);
    logger.debug("connection opened", { peer });
    await connection.run();
    this.#forget(connection);
    logger.debug("connection closed", { peer, reason: connection.closeReason });
  }

  #forget(connection: RpcConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#strangers.delete(connection);
    this.#shares.remove(connection);
  }

  #makeRoom(party: string, address: string): boolean {
    const { maxConnections = 4096, maxPerAddress = 1024 } = this.#options;
    const { parties } = this.#shares;
    const addresses = this.#shares.within(party);
    const own = addresses.of(address);
    const addressOf = (connection: RpcConnection): string =>
      connection.party === party ? connection.peer.hostname : "";
    if (own >= maxPerAddress) {
      return this.#evict((connection) => addressOf(connection) === address);
    }
    // Some have as many addresses as they like, and neighbours beside them.
    if (addresses.size >= Math.max(maxPerAddress, maxConnections >> 1)) {
      const fits = (connection: RpcConnection): boolean => {
        const other = addressOf(connection);
        return other === address || addresses.of(other) > own + 1;
      };
      return this.#evict(fits) ||
        this.#shareOut(addresses, { own, keyOf: addressOf });
    }
    const kept = isRoot(party) ? 0 : this.#keptForRoot(maxConnections);
    const except = kept > 0 ? ROOT : undefined;
    const others = except === undefined
      ? parties.size
      : parties.size - parties.of(except);
    if (others >= maxConnections - kept) {
      return this.#evict((connection) => connection.party !== except) ||
        this.#shareOut(parties, {
          own: addresses.size,
          keyOf: (connection) => connection.party,
          except,
        });
    }
    return true;
  }

  /** How many connections only root may have: none where the host does not tell who root is, or root has more than its part. */
  #keptForRoot(maxConnections: number): number {
    if (this.#options.keepsForRoot !== true) return 0;
    const kept = keptForRoot(maxConnections);
    return this.#shares.parties.of(ROOT) > kept ? 0 : kept;
  }

  /**
   * Who has most gives way to one that has `own`, if that is less, and if it is
   * at work: that a few have taken all is to keep no newcomer out. `keyOf`: whose
   * a connection is; `except` gives way to none.
   */
  #shareOut(
    shares: Shares,
    { own, keyOf, except }: {
      readonly own: number;
      readonly keyOf: (connection: RpcConnection) => string;
      readonly except?: string | undefined;
    },
  ): boolean {
    const largest = shares.largest(except);
    if (largest === undefined || shares.of(largest) <= own + 1) return false;
    const isLargest = (connection: RpcConnection): boolean =>
      keyOf(connection) === largest;
    return this.#giveWay(this.#quietest(isLargest, Infinity));
  }

  /** A connection without a call ends, or else the one that has been idle for longest, if that is long. */
  #evict(fits: (connection: RpcConnection) => boolean): boolean {
    const victim = this.#strangers.values().find(fits) ?? this.#quietest(
      (connection) => connection.isIdle && fits(connection),
      this.#clock.now() - this.#patience.idle,
    );
    return this.#giveWay(victim);
  }

  #giveWay(victim: RpcConnection | undefined): boolean {
    if (victim === undefined) return false;
    // Forgotten now, for its own loop only ends in a later turn.
    this.#forget(victim);
    victim.close("evicted");
    return true;
  }

  /**
   * Descriptors have run out: a connection that would give way at a limit does so
   * now, unless it has only just come. It may be the last that waited, for the
   * host says that there is no descriptor before it looks for another.
   */
  #spare(): boolean {
    const latest = this.#clock.now() - NEWCOMER_MS;
    const fits = (connection: RpcConnection): boolean =>
      this.#connections.get(connection)!.since <= latest;
    let spared = 0;
    while (spared < ENDED_AT_ONCE && this.#evict(fits)) spared++;
    return spared > 0 || this.#options.spare?.() === true;
  }

  /** The connection from which nothing has come for longest, by the clock at `since` at the latest. */
  #quietest(
    fits: (connection: RpcConnection) => boolean,
    since: number,
  ): RpcConnection | undefined {
    let quietSince = since;
    let quietest: RpcConnection | undefined;
    for (const [connection, watch] of this.#connections) {
      if (watch.idleSince > quietSince || !fits(connection)) continue;
      quietSince = watch.idleSince;
      quietest = connection;
    }
    return quietest;
  }
}
