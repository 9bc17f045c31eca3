import { Status } from "../nfs4/constants.ts";
import type { Client } from "../state/client.ts";
import {
  type Delegation,
  type DelegationEnd,
  type DelegationPolicy,
  type DelegationType,
  type HeldAttributes,
  RECALL_PIECES,
  recallDelegation,
  type RecallReason,
  revokeDelegation,
  Want,
  WhyNoDelegation,
} from "../state/delegations.ts";
import type { Piecework } from "../state/effects.ts";
import type { OpenState } from "../state/opens.ts";
import type { ServerState } from "../state/server_state.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import { nextTurn } from "../turn.ts";
import { type LogFields, type Logger, silentLogger } from "../log.ts";
import { ofLease } from "./attempts.ts";
import { CALLBACK_OPERATIONS, callbackOperation } from "./callback_ops.ts";
import type { CallbackOutcome } from "./callback_request.ts";
import { delegationFor, mayReclaim } from "./grant_rules.ts";
import { OpenHabits } from "./open_habits.ts";
import { HolderQueries } from "./holder_queries.ts";
import { referringCalls } from "./referring_calls.ts";
import { revocableAt } from "./revocation.ts";
import type { CallbackRouter, Routed } from "./router.ts";

/** Is told what becomes of delegations; see `DelegationMetrics`. */
export interface DelegationObserver {
  /** One was granted. */
  granted(type: DelegationType): void;
  /** One was not, because the file system can't see who else changes the file. */
  unguarded?(type: DelegationType): void;
  /** Somebody is in its way. */
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
  /** All state. */
  readonly state: ServerState;
  /** The way to the clients. */
  readonly router: CallbackRouter;
  /** Delegations of a client; 10,000. */
  readonly maxPerClient?: number;
  /** How long a file that was fought over gets no delegation; 10,000. */
  readonly contention?: number;
  /** How soon a recall goes out again that its client did not understand yet; 100, doubled each time. */
  readonly resend?: number;
  /** How soon one goes out again that found no way; 10,000, with a lease shorter than 90 s as much sooner. */
  readonly patience?: number;
  /** How long CB_GETATTR may keep somebody waiting; 500. */
  readonly queryTimeout?: number;
  /** Calls `run` later; returns what cancels it. */
  readonly schedule?: (run: () => void, ms: number) => () => void;
  /** Is told of each delegation. */
  readonly observer?: DelegationObserver;
  /** For delegations that are lost. */
  readonly log?: Logger;
}

/** How long CB_GETATTR may keep somebody waiting, in milliseconds. */
export const QUERY_TIMEOUT = 500;
/** How long a file that was fought over gets no delegation, in milliseconds. */
export const CONTENTION = 10_000;
const PATIENCE = 10_000;
const MAX_PER_CLIENT = 10_000;
const MAX_CONTENDED = 10_000;
const MAX_REMEMBERED = 10_000;
const MAX_RESENDS = 8;
const LONGEST_RESEND = 5_000;
/** Callbacks that a change from outside sends in one turn. */
const RECALLS_AT_ONCE = 32;
/** What it costs to look at a recall, in pieces of work. */
const LOOK = 1 / 32;

/** A delegation that was asked back and is still out. */
interface Recall {
  readonly delegation: Delegation;
  /** Clock time of the conflict. */
  readonly since: number;
  /** Clock time of the last answer, good or bad. */
  heardAt: number;
  /** The client knows that it is to return it. */
  delivered: boolean;
  /** How often the client did not know what it was about. */
  resends: number;
  routed: Routed | undefined;
  sending: boolean;
  cancelTimer: (() => void) | undefined;
  readonly waiting: (() => void)[];
}

/** Grants delegations when they pay, asks them back, and takes away what is not returned in time. */
export class DelegationKeeper implements DelegationPolicy {
  readonly #options: DelegationKeeperOptions;
  readonly #state: ServerState;
  readonly #router: CallbackRouter;
  readonly #schedule: (run: () => void, ms: number) => () => void;
  readonly #recalls = new Map<Delegation, Recall>();
  /** Recalls that wait until another callback of their client is done. */
  readonly #crowded = new Map<Client, Set<Recall>>();
  /** Files that were fought over, and until when; the oldest first. */
  readonly #contended = new Map<string, number>();
  readonly #habits = new OpenHabits(MAX_REMEMBERED);
  readonly #queries: HolderQueries;
  #isSweeping = false;
  #closed = false;

  constructor(options: DelegationKeeperOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#router = options.router;
    this.#schedule = options.schedule ?? defaultSchedule;
    this.#queries = new HolderQueries({
      router: options.router,
      timeout: options.queryTimeout ?? QUERY_TIMEOUT,
      schedule: this.#schedule,
    });
  }

  /** What is held at this moment: recalls that are out, timers, CB_GETATTRs. */
  get held(): {
    readonly recalls: number;
    readonly timers: number;
    readonly queries: number;
  } {
    let timers = 0;
    for (const { cancelTimer } of this.#recalls.values()) {
      if (cancelTimer !== undefined) timers++;
    }
    return {
      recalls: this.#recalls.size,
      timers,
      queries: this.#queries.size,
    };
  }

  /** {@inheritDoc DelegationPolicy.offer} */
  offer(open: OpenState, wanted: number): DelegationType | WhyNoDelegation {
    const { client, file } = open;
    const { maxPerClient = MAX_PER_CLIENT } = this.#options;
    if (this.#state.grace.active || this.#closed) {
      return WhyNoDelegation.RESOURCE;
    }
    const type = delegationFor(open, wanted);
    if (typeof type === "number") return type;
    const isBack = this.#habits.note(file.file.key, client, type);
    const isAsked = (wanted & Want.MASK) !== 0;
    if (!isBack && !isAsked) return WhyNoDelegation.RESOURCE;
    const until = this.#contended.get(file.file.key);
    if (until !== undefined && this.#state.clock.now() < until) {
      return WhyNoDelegation.CONTENTION;
    }
    const { states: { delegations }, account } = client;
    const isFull = delegations >= maxPerClient || account.isFull;
    return !isFull && this.#router.isProven(client)
      ? type
      : WhyNoDelegation.RESOURCE;
  }

  /** {@inheritDoc DelegationPolicy.reclaim} */
  reclaim(
    open: OpenState,
    type: DelegationType,
  ): { type: DelegationType; recalled: boolean } | WhyNoDelegation {
    if (!mayReclaim(open, type)) return WhyNoDelegation.CONTENTION;
    // RFC 8881 10.2.1: without a way to recall it, it is to be returned at once.
    return { type, recalled: !this.#router.isProven(open.client) };
  }

  /** {@inheritDoc DelegationPolicy.began} */
  began(delegation: Delegation): void {
    this.#options.observer?.granted(delegation.type);
    this.#debug("delegation granted", delegation);
    // OPEN itself has asked for it.
    if (delegation.isRecalled) this.#track(delegation).delivered = true;
  }

  /** {@inheritDoc DelegationPolicy.unguarded} */
  unguarded(type: DelegationType): void {
    this.#options.observer?.unguarded?.(type);
  }

  /** {@inheritDoc DelegationPolicy.recall} */
  recall(delegation: Delegation, reason: RecallReason): void {
    this.#options.observer?.recalled(delegation.type, reason);
    this.#debug("delegation recalled", delegation, { reason });
    this.#send(this.#track(delegation));
  }

  /** {@inheritDoc DelegationPolicy.ended} */
  ended(delegation: Delegation, end: DelegationEnd): void {
    const recall = this.#recalls.get(delegation);
    const now = this.#state.clock.now();
    const seconds = recall && (now - recall.since) / 1000;
    this.#options.observer?.ended(delegation.type, end, seconds);
    this.#debug(`delegation ${end}`, delegation, { seconds });
    if (recall === undefined) return;
    this.#recalls.delete(delegation);
    recall.cancelTimer?.();
    this.#noteContention(delegation.file.file.key, now);
    for (const resolve of recall.waiting) resolve();
  }

  /** {@inheritDoc DelegationPolicy.query} */
  query(delegation: Delegation): Promise<HeldAttributes | undefined> {
    return this.#queries.ask(delegation);
  }

  /** A client's callbacks have a way again: what did not get through goes out once more. */
  regained(client: Client): void {
    this.#state.files.effects.begin(this.#sendAgain(client));
  }

  /**
   * Asks all delegations of a file back for a change that no client asked for.
   * Resolves when none is out, which takes the lease time at most.
   */
  async recallFile(file: FileRef): Promise<void> {
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
  }

  /** Takes away what was not returned within the lease time; called every second or so. */
  sweep(): void {
    const now = this.#state.clock.now();
    if (!this.#isSweeping) {
      this.#isSweeping = true;
      this.#state.files.effects.begin(this.#sweepRecalls(now));
    }
    for (const [key, until] of this.#contended) {
      if (now < until) break;
      this.#contended.delete(key);
    }
  }

  /** Sends nothing more, and lets nobody wait. */
  close(): void {
    this.#closed = true;
    for (const recall of this.#recalls.values()) {
      recall.cancelTimer?.();
      for (const resolve of recall.waiting) resolve();
    }
    this.#recalls.clear();
    this.#crowded.clear();
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

  *#sendAgain(client: Client): Piecework {
    for (const recall of this.#recalls.values()) {
      const isLost = recall.delegation.client === client && !recall.delivered;
      yield isLost ? RECALL_PIECES : LOOK;
      if (!isLost) continue;
      if (recall.sending) recall.routed?.retry();
      else this.#send(recall);
    }
  }

  *#sweepRecalls(now: number): Piecework {
    const { leaseMs } = this.#state.lease;
    const { log = silentLogger } = this.#options;
    const { patience = ofLease(PATIENCE, leaseMs) } = this.#options;
    for (const recall of this.#recalls.values()) {
      const { delegation } = recall;
      if (now >= revocableAt(recall, leaseMs)) {
        log.info("a delegation was not returned and is revoked", {
          type: delegation.type,
          delivered: recall.delivered,
        });
        revokeDelegation(this.#state, delegation);
        yield 1;
      } else if (
        !recall.delivered && !recall.sending &&
        recall.cancelTimer === undefined && now - recall.heardAt >= patience
      ) {
        this.#send(recall);
        yield RECALL_PIECES;
      } else {
        yield LOOK;
      }
    }
    for (const client of this.#crowded.keys()) this.#sendNext(client);
    this.#isSweeping = false;
  }

  #track(delegation: Delegation): Recall {
    const now = this.#state.clock.now();
    const recall: Recall = {
      delegation,
      since: now,
      heardAt: now,
      delivered: false,
      resends: 0,
      routed: undefined,
      sending: false,
      cancelTimer: undefined,
      waiting: [],
    };
    this.#recalls.set(delegation, recall);
    return recall;
  }

  #send(recall: Recall): void {
    const { delegation } = recall;
    const { client, file, seqid, other } = delegation;
    if (this.#closed || recall.sending) return;
    recall.cancelTimer?.();
    recall.cancelTimer = undefined;
    recall.sending = true;
    recall.routed = this.#router.send(client, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, {
          stateid: { seqid, other },
          // RFC 8881 20.2.3 lets a client drop what is about to be cut off; ours writes it back.
          truncate: false,
          handle: file.file.handle,
        }),
      ],
      referringCalls: () => referringCalls(delegation),
      wanted: () => this.#recalls.get(delegation) === recall,
      done: (outcome) => this.#answered(recall, outcome),
    });
  }

  #answered(recall: Recall, outcome: CallbackOutcome): void {
    recall.sending = false;
    recall.routed = undefined;
    recall.heardAt = this.#state.clock.now();
    const { client } = recall.delegation;
    // Only what came from the client says that there is room now.
    const isHeard = outcome.kind === "answered" || outcome.kind === "refused";
    if (isHeard) this.#sendNext(client);
    if (this.#recalls.get(recall.delegation) !== recall) return;
    switch (outcome.kind) {
      case "answered":
        return this.#judge(recall, outcome.results[0]?.status);
      case "full": {
        const crowd = this.#crowded.get(client) ?? new Set();
        this.#crowded.set(client, crowd.add(recall));
        return;
      }
      case "stopped":
        // Its session went; another may be there already.
        if (this.#router.isProven(recall.delegation.client)) this.#send(recall);
        return;
      default:
        // What is lost for now goes out again when a path is regained, or with patience.
        return;
    }
  }

  /** A callback of the client is done: there is room for one that had none. */
  #sendNext(client: Client): void {
    const crowd = this.#crowded.get(client);
    for (const recall of crowd ?? []) {
      crowd!.delete(recall);
      if (this.#recalls.get(recall.delegation) !== recall) continue;
      this.#send(recall);
      break;
    }
    if (crowd?.size === 0) this.#crowded.delete(client);
  }

  /** What the client says to CB_RECALL itself. */
  #judge(recall: Recall, status: number | undefined): void {
    const { resend = 100, log = silentLogger } = this.#options;
    switch (status) {
      case Status.OK:
      // It has seen this very callback before, and did as it was told.
      case Status.RETRY_UNCACHED_REP:
      case Status.SEQ_FALSE_RETRY:
        recall.delivered = true;
        return;
      case Status.DELAY:
      // The answer that grants the delegation, or its DELEGRETURN, is on its way.
      case Status.BADHANDLE:
      case Status.BAD_STATEID:
        if (recall.resends++ < MAX_RESENDS) {
          const wait = resend * 2 ** (recall.resends - 1);
          return this.#later(recall, Math.min(wait, LONGEST_RESEND));
        }
        break;
    }
    // A refusal is not asked again: the lease time decides.
    recall.delivered = true;
    log.info("a client refuses to return a delegation", { status });
  }

  #later(recall: Recall, ms: number): void {
    recall.cancelTimer = this.#schedule(() => {
      recall.cancelTimer = undefined;
      this.#send(recall);
    }, ms);
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

/** Calls `run` after `ms` milliseconds; returns what cancels it. */
export function defaultSchedule(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
