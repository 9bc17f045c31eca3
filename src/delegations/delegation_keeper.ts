import type { Client } from "../state/client.ts";
import {
  type Delegation,
  type DelegationEnd,
  type DelegationPolicy,
  type DelegationType,
  type HolderAnswer,
  isReason,
  RECALL_PIECES,
  recallDelegation,
  type RecallReason,
  revokeDelegation,
  Want,
  WhyNoDelegation,
} from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import type { OpenState } from "../state/opens.ts";
import type { ServerState } from "../state/server_state.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import { nextTurn } from "../base/turn.ts";
import { type LogFields, type Logger, silentLogger } from "../base/log.ts";
import { ofLease } from "../backchannel/retry_policy.ts";
import { delegationFor, mayReclaim } from "./grant_rules.ts";
import { OpenHistory } from "./open_history.ts";
import { HolderQueries } from "./holder_queries.ts";
import { LateReturns } from "./late_returns.ts";
import { RecallQueue } from "./recall_queue.ts";
import { revocableAt } from "./revocation.ts";
import type { CallbackRouter } from "../backchannel/router.ts";

/** Is told what becomes of delegations; see `DelegationMetrics`. */
export interface DelegationObserver {
  /** One was granted. */
  granted(type: DelegationType): void;
  /** One was not, because the file system can't see what else changes the file. */
  unguarded?(type: DelegationType): void;
  /** It is recalled, for it is in another client's way. */
  recalled(type: DelegationType, reason: RecallReason): void;
  /** It is gone; `seconds` since it was recalled, where it was. */
  ended(
    type: DelegationType,
    end: DelegationEnd,
    seconds: number | undefined,
  ): void;
}

/** How {@linkcode DelegationKeeper} works; times in milliseconds. */
export interface DelegationKeeperOptions {
  readonly state: ServerState;
  /** The way to the clients. */
  readonly router: CallbackRouter;
  /** Delegations of a client; 10,000. */
  readonly maxPerClient?: number | undefined;
  /** How long a file that was fought over gets no delegation; 10,000. */
  readonly contention?: number | undefined;
  /** How soon a recall goes out again that its client did not understand yet; 100, doubled each time. */
  readonly resend?: number | undefined;
  /** How soon one goes out again that found no way; 10,000, with a lease shorter than 90 s as much sooner. */
  readonly retryAfter?: number | undefined;
  /** How long CB_GETATTR may keep another client waiting; 500. */
  readonly queryTimeout?: number | undefined;
  /** Is told of each delegation. */
  readonly observer?: DelegationObserver | undefined;
  /** For delegations that are lost. */
  readonly log?: Logger | undefined;
}

/** How long CB_GETATTR may keep another client waiting, in milliseconds. */
export const QUERY_TIMEOUT = 500;
/** How long a file that was fought over gets no delegation, in milliseconds. */
export const CONTENTION = 10_000;
/** How soon a recall goes out again that found no way, in milliseconds. */
export const RETRY_AFTER = 10_000;
const MAX_PER_CLIENT = 10_000;
const MAX_CONTENDED = 10_000;
const MAX_REMEMBERED = 10_000;
/** Callbacks that a change from outside sends in one turn. */
const RECALLS_AT_ONCE = 32;
/** Grants delegations when they pay, asks them back, and takes away what is not returned in time. */
export class DelegationKeeper implements DelegationPolicy {
  readonly #options: DelegationKeeperOptions;
  readonly #state: ServerState;
  readonly #router: CallbackRouter;
  readonly #recalls: RecallQueue;
  /** Files that were fought over, and until when; the oldest first. */
  readonly #contended = new Map<string, number>();
  /** Files that were asked back before their delegations were reclaimed. */
  readonly #recalledInGrace = new Map<string, Promise<void>>();
  readonly #graceEnded = Promise.withResolvers<void>();
  readonly #history = new OpenHistory(MAX_REMEMBERED);
  readonly #queries: HolderQueries;
  readonly #late: LateReturns;
  #isSweeping = false;
  #isClosed = false;

  constructor(options: DelegationKeeperOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#router = options.router;
    const { router, state: { clock, lease } } = options;
    this.#late = new LateReturns(clock, lease.leaseMs);
    this.#recalls = new RecallQueue({
      router,
      clock,
      resend: options.resend,
      log: options.log,
    });
    this.#queries = new HolderQueries({
      router,
      timeout: options.queryTimeout ?? QUERY_TIMEOUT,
      clock,
    });
  }

  /** What is held at this moment: recalls that are out, timers, CB_GETATTRs. */
  get held(): {
    readonly recalls: number;
    readonly timers: number;
    readonly queries: number;
  } {
    const { size: recalls, timers } = this.#recalls;
    return { recalls, timers, queries: this.#queries.size };
  }

  /** {@inheritDoc DelegationPolicy.offer} */
  offer(open: OpenState, wanted: number): DelegationType | WhyNoDelegation {
    const { client, file } = open;
    const { maxPerClient = MAX_PER_CLIENT } = this.#options;
    if (this.#state.grace.isActive || this.#isClosed) {
      return WhyNoDelegation.RESOURCE;
    }
    // What another client is changing just now it may not read and keep.
    if (this.#state.files.changes.areOthers(file.file.key, client)) {
      return WhyNoDelegation.CONTENTION;
    }
    const type = delegationFor(open, wanted);
    if (isReason(type)) return type;
    const isBack = this.#history.note(file.file.key, client, type);
    const isAsked = (wanted & Want.MASK) !== 0;
    if (!isBack && !isAsked) return WhyNoDelegation.RESOURCE;
    const until = this.#contended.get(file.file.key);
    if (until !== undefined && this.#state.clock.now() < until) {
      return WhyNoDelegation.CONTENTION;
    }
    const { states: { delegations, revoked }, account } = client;
    const isFull = delegations >= maxPerClient || account.isFull;
    // One that knows of no loss would go on as if it had all that it was granted.
    const isRelied = revoked === 0 && !this.#late.has(client) &&
      this.#router.isProven(client);
    return !isFull && isRelied ? type : WhyNoDelegation.RESOURCE;
  }

  /** {@inheritDoc DelegationPolicy.reclaim} */
  reclaim(
    open: OpenState,
    type: DelegationType,
  ): { type: DelegationType; isRecalled: boolean } | WhyNoDelegation {
    if (!mayReclaim(open, type)) return WhyNoDelegation.CONTENTION;
    const isChanged = this.#recalledInGrace.has(open.file.file.key) ||
      this.#recalledInGrace.size >= MAX_CONTENDED;
    // RFC 8881 10.2.1: without a way to recall it, it is to be returned at once.
    const isRecalled = isChanged || !this.#router.isProven(open.client);
    return { type, isRecalled };
  }

  /** {@inheritDoc DelegationPolicy.began} */
  began(delegation: Delegation): void {
    this.#options.observer?.granted(delegation.type);
    this.#debug("delegation granted", delegation);
    // OPEN itself has asked for it.
    if (delegation.isRecalled) this.#recalls.add(delegation, { isKnown: true });
  }

  /** {@inheritDoc DelegationPolicy.unguarded} */
  unguarded(type: DelegationType): void {
    this.#options.observer?.unguarded?.(type);
  }

  /** {@inheritDoc DelegationPolicy.recall} */
  recall(delegation: Delegation, reason: RecallReason): void {
    this.#options.observer?.recalled(delegation.type, reason);
    this.#debug("delegation recalled", delegation, { reason });
    this.#recalls.add(delegation, { isKnown: false });
  }

  /** {@inheritDoc DelegationPolicy.ended} */
  ended(delegation: Delegation, end: DelegationEnd): void {
    const recall = this.#recalls.get(delegation);
    const now = this.#state.clock.now();
    const seconds = recall && (now - recall.since) / 1000;
    this.#options.observer?.ended(delegation.type, end, seconds);
    this.#debug(`delegation ${end}`, delegation, { seconds });
    if (recall === undefined) return;
    this.#recalls.end(delegation);
    this.#late.note(delegation.client, now - recall.since);
    this.#noteContention(delegation.file.file.key, now);
  }

  /** {@inheritDoc DelegationPolicy.query} */
  query(delegation: Delegation): Promise<HolderAnswer | undefined> {
    return this.#queries.ask(delegation);
  }

  /** A client's callbacks have a way again: what did not get through goes out once more. */
  regained(client: Client): void {
    this.#state.files.effects.begin(this.#recalls.pathRegained(client));
  }

  /**
   * Asks all delegations of a file back for a change that no client asked for.
   * Resolves when none is out, which takes the lease time at most, or the grace
   * period and the lease time; for a while from then on none is granted, so that the change can be made.
   */
  recallFile(file: FileRef): Promise<void> {
    if (!this.#state.grace.isActive || this.#isClosed) {
      return this.#recallNow(file);
    }
    // Clients may yet reclaim what they had of it before the restart.
    const now = this.#recallNow(file);
    const known = this.#recalledInGrace.get(file.key);
    if (known !== undefined) return known;
    const recalled = now.then(() => this.#graceEnded.promise)
      .then(() => this.#recallNow(file));
    this.#recalledInGrace.set(file.key, recalled);
    return recalled;
  }

  async #recallNow(file: FileRef): Promise<void> {
    const waiting: Promise<void>[] = [];
    const { delegations } = this.#state.files.get(file) ?? {};
    for (const delegation of [...delegations?.values() ?? []]) {
      if (waiting.length % RECALLS_AT_ONCE === RECALLS_AT_ONCE - 1) {
        await nextTurn();
      }
      if (this.#state.expireIfLapsed(delegation.client)) continue;
      recallDelegation(this.#state, delegation, "local");
      const recall = this.#recalls.get(delegation);
      if (recall === undefined) continue;
      waiting.push(new Promise((resolve) => recall.waiting.push(resolve)));
    }
    await Promise.all(waiting);
    this.#noteContention(file.key, this.#state.clock.now());
  }

  /** Takes away what was not returned within the lease time; called every second. */
  sweep(): void {
    const now = this.#state.clock.now();
    if (!this.#state.grace.isActive) this.#endGrace();
    if (!this.#isSweeping) {
      this.#isSweeping = true;
      this.#state.files.effects.begin(this.#sweepRecalls(now));
    }
    for (const [key, until] of this.#contended) {
      if (now < until) break;
      this.#contended.delete(key);
    }
  }

  /** Sends nothing more, and lets all that wait go on. */
  close(): void {
    this.#isClosed = true;
    this.#endGrace();
    this.#recalls.close();
    this.#queries.close();
  }

  #debug(
    message: string,
    { type, client }: Delegation,
    fields?: LogFields,
  ): void {
    const holder = client.id.toString(16);
    this.#options.log?.debug(message, { type, client: holder, ...fields });
  }

  *#sweepRecalls(now: number): Piecework {
    const { leaseMs } = this.#state.lease;
    const { log = silentLogger } = this.#options;
    const { retryAfter = ofLease(RETRY_AFTER, leaseMs) } = this.#options;
    try {
      for (const recall of this.#recalls) {
        const { delegation } = recall;
        if (now >= revocableAt(recall, leaseMs)) {
          log.info("a delegation was not returned and is revoked", {
            type: delegation.type,
            delivered: recall.isDelivered,
          });
          revokeDelegation(this.#state, delegation);
          yield 1;
        } else {
          yield this.#recalls.sendIfLost(recall, retryAfter)
            ? RECALL_PIECES
            : LOOK;
        }
      }
      yield* this.#recalls.sendWaiting();
    } finally {
      this.#isSweeping = false;
    }
  }

  /** No client reclaims any more. */
  #endGrace(): void {
    this.#recalledInGrace.clear();
    this.#graceEnded.resolve();
  }

  #noteContention(key: string, now: number): void {
    const { contention = CONTENTION } = this.#options;
    this.#contended.delete(key);
    this.#contended.set(key, now + contention);
    if (this.#contended.size <= MAX_CONTENDED) return;
    for (const oldest of this.#contended.keys()) {
      this.#contended.delete(oldest);
      return;
    }
  }
}
