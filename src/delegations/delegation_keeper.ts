import { OWN } from "../base/asker.ts";
import type { Client } from "../state/client.ts";
import {
  type Delegation,
  type DelegationEnd,
  type DelegationPolicy,
  type DelegationType,
  type HolderAnswer,
  isReason,
  type Notice,
  type OpenDelegationType,
  type OpenGrant,
  RECALL_PIECES,
  recallDelegation,
  type RecallReason,
  revokeDelegation,
  WhyNoDelegation,
} from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import type { OpenState } from "../state/opens.ts";
import type { ServerState } from "../state/server_state.ts";
import type { NotifyType } from "../nfs4/notifications.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import { type LogFields, type Logger, silentLogger } from "../base/log.ts";
import { ofLease } from "../backchannel/retry_policy.ts";
import { Contention } from "./contention.ts";
import { delegationFor, isAskedFor, mayReclaim } from "./grant_rules.ts";
import { FileRecalls } from "./file_recalls.ts";
import { OpenHistory } from "./open_history.ts";
import { HolderQueries } from "./holder_queries.ts";
import { FolderNotices } from "./folder_notices.ts";
import { LateReturns } from "./late_returns.ts";
import { type Recall, RecallQueue } from "./recall_queue.ts";
import { revocableAt } from "./revocation.ts";
import { SurplusRecalls } from "./surplus_recalls.ts";
import type { CallbackRouter } from "../backchannel/router.ts";

/** Is told what becomes of delegations; see `DelegationMetrics`. */
export interface DelegationObserver {
  /** One was granted. */
  granted(type: DelegationType): void;
  /** One was not, because the file system can't see what else changes the file. */
  unguarded?(type: DelegationType): void;
  /** It is recalled, for it is in another client's way. */
  recalled(type: DelegationType, reason: RecallReason): void;
  /** The holder of a folder was told of changes of these types by one CB_NOTIFY. */
  notified?(types: readonly NotifyType[]): void;
  /** A client was asked by CB_RECALL_ANY to return some. */
  surplusRecalled?(): void;
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
/** How soon a recall goes out again that found no way, in milliseconds. */
export const RETRY_AFTER = 10_000;
const MAX_PER_CLIENT = 10_000;
const MAX_REMEMBERED = 10_000;
/** Grants delegations when they pay, asks them back, and takes away what is not returned in time. */
export class DelegationKeeper implements DelegationPolicy {
  readonly #options: DelegationKeeperOptions;
  readonly #state: ServerState;
  readonly #router: CallbackRouter;
  readonly #recalls: RecallQueue;
  readonly #contention: Contention;
  readonly #history = new OpenHistory(MAX_REMEMBERED);
  readonly #queries: HolderQueries;
  readonly #late: LateReturns;
  readonly #fileRecalls: FileRecalls;
  readonly #notices: FolderNotices;
  readonly #surplus: SurplusRecalls;
  readonly #maxPerClient: number;
  #isSweeping = false;
  #isClosed = false;

  constructor(options: DelegationKeeperOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#router = options.router;
    this.#maxPerClient = options.maxPerClient ?? MAX_PER_CLIENT;
    const { router, state: { clock, lease } } = options;
    this.#late = new LateReturns(clock, lease.leaseMs);
    this.#contention = new Contention(clock, options.contention);
    this.#recalls = new RecallQueue({
      router,
      clock,
      resend: options.resend,
      log: options.log,
    });
    this.#fileRecalls = new FileRecalls({
      state: this.#state,
      recalls: this.#recalls,
      contention: this.#contention,
      insist: (delegation) => this.insist(delegation),
    });
    this.#notices = new FolderNotices({
      router,
      clock,
      unheard: (held) => recallDelegation(this.#state, held, "unheard"),
      heard: options.observer?.notified?.bind(options.observer),
    });
    this.#surplus = new SurplusRecalls({
      state: this.#state,
      router,
      maxPerClient: this.#maxPerClient,
      recalled: options.observer?.surplusRecalled?.bind(options.observer),
    });
    this.#queries = new HolderQueries({
      router,
      timeout: options.queryTimeout ?? QUERY_TIMEOUT,
      clock,
      waited: (holder, ms) => this.#noteWait(holder, ms),
    });
  }

  /** What is held at this moment: recalls that are out, timers, CB_GETATTRs, what holders are yet to hear, CB_RECALL_ANYs. */
  get held(): {
    readonly recalls: number;
    readonly timers: number;
    readonly queries: number;
    readonly notices: number;
    readonly surplus: number;
  } {
    const { size: recalls, timers } = this.#recalls;
    const { size: queries } = this.#queries;
    const { size: notices } = this.#notices;
    const { size: surplus } = this.#surplus;
    return { recalls, timers, queries, notices, surplus };
  }

  /** {@inheritDoc DelegationPolicy.offer} */
  offer(open: OpenState, wanted: number): OpenDelegationType | WhyNoDelegation {
    const { client, file } = open;
    if (this.#isHoldingBack) return WhyNoDelegation.RESOURCE;
    if (this.#isBeingChanged(client, file.file)) {
      return WhyNoDelegation.CONTENTION;
    }
    const type = delegationFor(open, wanted);
    if (isReason(type)) return type;
    const isBack = this.#history.note(file.file.key, client, type);
    if (!isBack && !isAskedFor(type, wanted)) return WhyNoDelegation.RESOURCE;
    if (this.#contention.has(file.file.key)) return WhyNoDelegation.CONTENTION;
    return this.#isTrusted(client) ? type : WhyNoDelegation.RESOURCE;
  }

  /** {@inheritDoc DelegationPolicy.offersFolder} */
  offersFolder(client: Client, folder: FileRef): boolean {
    if (this.#isHoldingBack || this.#isBeingChanged(client, folder)) {
      return false;
    }
    // RFC 8881 18.39.3: who has one keeps that. What is recalled is in a client's way.
    const held = this.#state.files.get(folder);
    const isTaken = held !== undefined &&
      (held.delegations.has(client) || held.recalls > 0);
    return !isTaken && !this.#contention.has(folder.key) &&
      this.#isTrusted(client);
  }

  /** {@inheritDoc DelegationPolicy.mayTell} */
  mayTell({ party }: Client, folder: FileRef): boolean {
    return this.#state.files.get(folder)?.mayTell(party) !== false;
  }

  /** {@inheritDoc DelegationPolicy.notify} */
  notify(delegation: Delegation, notice: Notice): void {
    this.#notices.add(delegation, notice);
  }

  /** Whether no client gets any. */
  get #isHoldingBack(): boolean {
    return this.#state.grace.isActive || this.#isClosed;
  }

  /** What another client is changing just now this one may not read and keep. */
  #isBeingChanged(client: Client, { key }: FileRef): boolean {
    return this.#state.files.changes.areOthers(key, client);
  }

  /** Whether a client has room for one more, and is relied on to return it. */
  #isTrusted(client: Client): boolean {
    const { states: { delegations, revoked }, account } = client;
    const isFull = delegations >= this.#maxPerClient || account.isFull;
    // One that knows of no loss would go on as if it had all that it was granted.
    return !isFull && revoked === 0 && !this.#late.has(client) &&
      this.#router.isProven(client);
  }

  /** {@inheritDoc DelegationPolicy.reclaim} */
  reclaim(
    open: OpenState,
    type: OpenDelegationType,
  ): OpenGrant | WhyNoDelegation {
    if (!mayReclaim(open, type)) return WhyNoDelegation.CONTENTION;
    const { file } = open.file;
    const { guard, watch } = file.export.fs;
    // What else changes files has done so unseen while there was no server.
    const isUnseen = guard !== undefined || watch !== undefined;
    const isChanged = isUnseen || this.#fileRecalls.mayHaveChanged(file);
    // RFC 8881 10.2.1: without a way to recall it, it is to be returned at once.
    const isRecalled = isChanged || !this.#router.isProven(open.client);
    return { type, isRecalled };
  }

  /** {@inheritDoc DelegationPolicy.changedInGrace} */
  changedInGrace(file: FileRef): void {
    this.#fileRecalls.noteChange(file);
  }

  /** {@inheritDoc DelegationPolicy.began} */
  began(delegation: Delegation): void {
    this.#options.observer?.granted(delegation.type);
    this.#debug("delegation granted", delegation);
    if (!delegation.isRecalled) return;
    // OPEN itself has asked for it, and no client waits.
    this.#recalls.add(delegation, { isKnown: true, isWanted: false });
  }

  /** {@inheritDoc DelegationPolicy.unguarded} */
  unguarded(type: DelegationType): void {
    this.#options.observer?.unguarded?.(type);
  }

  /** {@inheritDoc DelegationPolicy.recall} */
  recall(delegation: Delegation, reason: RecallReason): void {
    this.#options.observer?.recalled(delegation.type, reason);
    this.#debug("delegation recalled", delegation, { reason });
    // What its holder was told of before comes first.
    this.#notices.flush(delegation);
    const isWanted = reason !== "late" && reason !== "unheard";
    this.#recalls.add(delegation, { isKnown: false, isWanted });
  }

  /** {@inheritDoc DelegationPolicy.insist} */
  insist(delegation: Delegation): void {
    this.#recalls.want(delegation);
    const recall = this.#recalls.get(delegation);
    if (recall !== undefined) this.#revokeIfOverdue(recall);
  }

  /** {@inheritDoc DelegationPolicy.ended} */
  ended(delegation: Delegation, end: DelegationEnd): void {
    this.#notices.end(delegation);
    const recall = this.#recalls.get(delegation);
    const now = this.#state.clock.now();
    const seconds = recall && (now - recall.since) / 1000;
    this.#options.observer?.ended(delegation.type, end, seconds);
    this.#debug(`delegation ${end}`, delegation, { seconds });
    if (recall === undefined) return;
    this.#recalls.end(delegation);
    // What was in no client's way has kept none waiting, and was not fought over.
    if (recall.wantedAt === undefined) return;
    this.#noteRecall(recall, now);
    this.#contention.note(delegation.file.file.key);
  }

  /** {@inheritDoc DelegationPolicy.query} */
  query(delegation: Delegation): Promise<HolderAnswer | undefined> {
    return this.#queries.ask(delegation);
  }

  /** A client's callbacks have a way again: what did not get through goes out once more. */
  regained(client: Client): void {
    const lost = this.#recalls.pathRegained(client);
    if (lost !== undefined) this.#state.files.effects.begin(lost);
  }

  /**
   * Asks all delegations of a file back for a change that no client asked for.
   * Resolves when none is out, which takes the lease time at most, or the grace
   * period and the lease time; for a while from then on none is granted, so that the change can be made.
   */
  recallFile(file: FileRef): Promise<void> {
    return this.#fileRecalls.recall(file);
  }

  /** Takes away what was not returned within the lease time; called every second. */
  sweep(): void {
    const now = this.#state.clock.now();
    if (!this.#state.grace.isActive) this.#fileRecalls.endGrace();
    if (!this.#isSweeping) {
      this.#isSweeping = true;
      this.#state.files.effects.begin(this.#sweepRecalls(now), OWN.party);
    }
    this.#contention.sweep();
  }

  /** Sends nothing more, and lets all that wait go on. */
  close(): void {
    this.#isClosed = true;
    this.#fileRecalls.endGrace();
    this.#recalls.close();
    this.#queries.close();
    this.#notices.close();
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
    const { retryAfter = ofLease(RETRY_AFTER, leaseMs) } = this.#options;
    try {
      for (const recall of this.#recalls) {
        this.#noteRecall(recall, now);
        if (this.#revokeIfOverdue(recall)) yield 1;
        else {
          yield this.#recalls.sendIfLost(recall, retryAfter)
            ? RECALL_PIECES
            : LOOK;
        }
      }
      yield* this.#recalls.sendWaiting();
      yield* this.#notices.sendWaiting();
      yield* this.#surplus.sweep();
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Takes a recalled delegation away whose time is over; whether it was. */
  #revokeIfOverdue(recall: Recall): boolean {
    const { log = silentLogger } = this.#options;
    const { lease: { leaseMs }, grace: { overAt: graceOverAt }, clock } =
      this.#state;
    const { delegation, isDelivered: delivered } = recall;
    const revocable = revocableAt(recall, { leaseMs, graceOverAt });
    if (clock.now() < revocable) return false;
    log.info("a delegation was not returned and is revoked", {
      type: delegation.type,
      delivered,
    });
    revokeDelegation(this.#state, delegation);
    return true;
  }

  /** Others may have waited until `now` for what a client was to return, and could. */
  #noteRecall({ delegation, wantedAt }: Recall, now: number): void {
    if (wantedAt === undefined) return;
    const since = Math.max(wantedAt, this.#state.grace.overAt);
    this.#noteWait(delegation.client, now - since);
  }

  /** A client has kept another waiting for `ms` milliseconds: when that is too long all that it has is recalled. */
  #noteWait(client: Client, ms: number): void {
    if (!this.#late.note(client, ms) || this.#isClosed) return;
    this.#state.files.effects.begin(this.#late.recalls(this.#state), OWN.party);
  }
}
