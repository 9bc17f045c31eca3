import { type Logger, silentLogger } from "../base/log.ts";
import { Status } from "../nfs4/constants.ts";
import type { Client } from "../state/client.ts";
import type { Clock } from "../base/clock.ts";
import { type Delegation, RECALL_PIECES } from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../backchannel/callback_request.ts";
import { referringCalls } from "./referring_calls.ts";
import type { CallbackRouter, Routed } from "../backchannel/router.ts";

/** What {@linkcode RecallQueue} works with. */
export interface RecallQueueOptions {
  /** The way to the clients. */
  readonly router: CallbackRouter;
  readonly clock: Clock;
  /** Milliseconds until a recall goes out again that its client did not understand yet; 100, doubled each time. */
  readonly resend?: number | undefined;
  /** For clients that refuse. */
  readonly log?: Logger | undefined;
}

/** How soon a recall that its client did not understand goes out again for the first time, in milliseconds. */
export const RESEND = 100;
/** How often it goes out again. */
export const MAX_RESENDS = 8;
/** How long it waits for that at most. */
export const LONGEST_RESEND = 5_000;

/** A delegation that is recalled and not yet returned. */
export interface Recall {
  readonly delegation: Delegation;
  /** Clock time at which it was recalled. */
  readonly since: number;
  /** Clock time from which another client, or the host, has waited for it; undefined while none does. */
  readonly wantedAt: number | undefined;
  /** Clock time of the last answer, good or bad. */
  readonly heardAt: number;
  /** The client knows that it is to return it, or has refused to: it is not told again. */
  readonly isDelivered: boolean;
  /** Called when it has ended, each for a request that waits. */
  readonly waiting: (() => void)[];
}

interface Sending extends Recall {
  wantedAt: number | undefined;
  heardAt: number;
  isDelivered: boolean;
  /** How often the client did not know what it was about. */
  resends: number;
  routed: Routed | undefined;
  isSending: boolean;
  cancelTimer: (() => void) | undefined;
}

/**
 * Delegations that are recalled and not yet returned, and the CB_RECALLs for
 * them. A client gets as many at a time as its back channel takes; the others
 * wait here, without a callback or a timer of their own, until it has answered
 * one.
 */
export class RecallQueue {
  readonly #options: RecallQueueOptions;
  readonly #recalls = new Map<Delegation, Sending>();
  /** The same by client. */
  readonly #perClient = new Map<Client, Set<Sending>>();
  /** Clients whose recalls are looked at for those that got lost, and whether that is to be done again. */
  readonly #regaining = new Map<Client, boolean>();
  /** Recalls that wait until another callback of their client is done. */
  readonly #waitingForRoom = new Map<Client, Set<Sending>>();
  #isClosed = false;

  constructor(options: RecallQueueOptions) {
    this.#options = options;
  }

  /** Number of recalls. */
  get size(): number {
    return this.#recalls.size;
  }

  /** Number of recalls that will go out again after a time. */
  get timers(): number {
    let timers = 0;
    for (const { cancelTimer } of this.#recalls.values()) {
      if (cancelTimer !== undefined) timers++;
    }
    return timers;
  }

  /** All recalls, the oldest first. */
  [Symbol.iterator](): IterableIterator<Recall> {
    return this.#recalls.values();
  }

  /** The recall of a delegation, if it is recalled. */
  get(delegation: Delegation): Recall | undefined {
    return this.#recalls.get(delegation);
  }

  /** Recalls a delegation, by a callback unless its client knows already; after the end none. */
  add(delegation: Delegation, options: {
    readonly isKnown: boolean;
    readonly isWanted: boolean;
  }): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.now();
    const recall: Sending = {
      delegation,
      since: now,
      wantedAt: options.isWanted ? now : undefined,
      heardAt: now,
      isDelivered: options.isKnown,
      resends: 0,
      routed: undefined,
      isSending: false,
      cancelTimer: undefined,
      waiting: [],
    };
    this.#recalls.set(delegation, recall);
    const { client } = delegation;
    const others = this.#perClient.get(client);
    if (others === undefined) this.#perClient.set(client, new Set([recall]));
    else others.add(recall);
    if (!recall.isDelivered) this.#sendInTurn(recall);
  }

  /** A recalled delegation is in the way from now on, if it was not before. */
  want(delegation: Delegation): void {
    const recall = this.#recalls.get(delegation);
    if (recall !== undefined) recall.wantedAt ??= this.#options.clock.now();
  }

  /** A delegation has ended, and is in no client's way any more. */
  end(delegation: Delegation): void {
    const recall = this.#recalls.get(delegation);
    if (recall === undefined) return;
    this.#recalls.delete(delegation);
    const { client } = delegation;
    const others = this.#perClient.get(client);
    others?.delete(recall);
    if (others?.size === 0) this.#perClient.delete(client);
    this.#leaveQueue(recall);
    recall.cancelTimer?.();
    for (const resolve of recall.waiting) resolve();
  }

  /**
   * What did not get through to a client goes out once more, over whatever way
   * there is now; `undefined` where there is nothing, or where that is being done.
   */
  pathRegained(client: Client): Piecework | undefined {
    if (!this.#perClient.has(client)) return undefined;
    const isUnderWay = this.#regaining.has(client);
    this.#regaining.set(client, isUnderWay);
    return isUnderWay ? undefined : this.#sendLost(client);
  }

  *#sendLost(client: Client): Piecework {
    try {
      do {
        this.#regaining.set(client, false);
        // The first one that finds no room makes the others wait anew.
        this.#waitingForRoom.delete(client);
        for (const recall of this.#perClient.get(client) ?? []) {
          yield recall.isDelivered ? LOOK : RECALL_PIECES;
          if (recall.isDelivered) continue;
          if (this.#recalls.get(recall.delegation) !== recall) continue;
          if (recall.isSending) recall.routed?.tryAnew();
          else this.#sendInTurn(recall);
        }
      } while (this.#regaining.get(client));
    } finally {
      this.#regaining.delete(client);
    }
  }

  /** A recall goes out again that has found no way for `retryAfter` milliseconds; returns whether it does. */
  sendIfLost(
    { delegation, isDelivered, heardAt }: Recall,
    retryAfter: number,
  ): boolean {
    if (isDelivered || this.#options.clock.now() - heardAt < retryAfter) {
      return false;
    }
    const recall = this.#recalls.get(delegation);
    if (recall === undefined || recall.isSending) return false;
    const isQueued = this.#waitingForRoom.get(delegation.client)?.has(recall);
    if (isQueued || recall.cancelTimer !== undefined) return false;
    this.#sendInTurn(recall);
    return true;
  }

  /** Sends recalls that wait for room, where there is some again. */
  *sendWaiting(): Piecework {
    for (const client of this.#waitingForRoom.keys()) {
      while (this.#sendNext(client)) yield RECALL_PIECES;
      yield RECALL_PIECES;
    }
  }

  /** Sends nothing more, and lets all that wait go on. */
  close(): void {
    this.#isClosed = true;
    for (const recall of this.#recalls.values()) {
      recall.cancelTimer?.();
      for (const resolve of recall.waiting) resolve();
    }
    this.#recalls.clear();
    this.#perClient.clear();
    this.#waitingForRoom.clear();
  }

  /** Sends it, or has it wait behind those of its client that found no room. */
  #sendInTurn(recall: Sending): void {
    const queue = this.#waitingForRoom.get(recall.delegation.client);
    if (queue === undefined) this.#send(recall);
    else queue.add(recall);
  }

  #send(recall: Sending): void {
    const { router } = this.#options;
    const { delegation } = recall;
    const { client, file, seqid, other } = delegation;
    if (this.#isClosed || recall.isSending) return;
    recall.cancelTimer?.();
    recall.cancelTimer = undefined;
    recall.isSending = true;
    recall.routed = router.send(client, {
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

  #answered(recall: Sending, outcome: CallbackOutcome): void {
    const { clock, router } = this.#options;
    recall.isSending = false;
    recall.routed = undefined;
    recall.heardAt = clock.now();
    const { client } = recall.delegation;
    // Only what came from the client says that there is room now.
    const isHeard = outcome.kind === "answered" || outcome.kind === "refused";
    if (isHeard) this.#sendNext(client);
    if (this.#recalls.get(recall.delegation) !== recall) return;
    switch (outcome.kind) {
      case "answered":
        return this.#judge(recall, outcome.results[0]?.status);
      case "full": {
        const queue = this.#waitingForRoom.get(client) ?? new Set();
        this.#waitingForRoom.set(client, queue.add(recall));
        return;
      }
      case "stopped":
        // Its session went; another may be there already.
        if (router.isProven(client)) this.#sendInTurn(recall);
        return;
      default:
        // What is lost for now goes out again when a path is regained, or after a while.
        return;
    }
  }

  /** There may be room for one that had none; returns whether there was. */
  #sendNext(client: Client): boolean {
    for (const recall of this.#waitingForRoom.get(client) ?? []) {
      this.#leaveQueue(recall);
      this.#send(recall);
      return recall.isSending;
    }
    return false;
  }

  /** It does not wait for room any more. */
  #leaveQueue(recall: Sending): void {
    const { client } = recall.delegation;
    const queue = this.#waitingForRoom.get(client);
    queue?.delete(recall);
    if (queue?.size === 0) this.#waitingForRoom.delete(client);
  }

  /** What the client says to CB_RECALL itself. */
  #judge(recall: Sending, status: number | undefined): void {
    const { resend = RESEND, log = silentLogger } = this.#options;
    switch (status) {
      case Status.OK:
      // It has seen this very callback before, and did as it was told.
      case Status.RETRY_UNCACHED_REP:
      case Status.SEQ_FALSE_RETRY:
        recall.isDelivered = true;
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
    recall.isDelivered = true;
    log.info("a client refuses to return a delegation", { status });
  }

  #later(recall: Sending, ms: number): void {
    recall.cancelTimer = this.#options.clock.schedule(() => {
      recall.cancelTimer = undefined;
      this.#sendInTurn(recall);
    }, ms);
  }
}
