import type { Clock } from "../base/clock.ts";
import type { Client } from "../state/client.ts";
import type { Delegation } from "../state/delegations.ts";
import type { Piecework } from "../state/effects.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import {
  InsistentCall,
  UntilHeard,
  type UntilHeardOptions,
} from "./until_heard.ts";

/** What {@linkcode RecallQueue} works with. */
export type RecallQueueOptions = Pick<
  UntilHeardOptions<Recall>,
  "router" | "clock" | "resend" | "log"
>;

/** A delegation that is recalled and not yet returned. */
export class Recall extends InsistentCall {
  readonly delegation: Delegation;
  /** Clock time at which it was recalled. */
  readonly since: number;
  /** Clock time from which another client, or the host, has waited for it; undefined while none does. */
  wantedAt: number | undefined;
  /** Called when it has ended, each for a request that waits. */
  readonly waiting: (() => void)[] = [];

  constructor(delegation: Delegation, now: number) {
    const { client, file, seqid, other } = delegation;
    const operation = callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, {
      stateid: { seqid, other },
      // RFC 8881 20.2.3 lets a client drop what is about to be cut off; ours writes it back.
      truncate: false,
      handle: file.file.handle,
    });
    super({ client, about: delegation, operation, now });
    this.delegation = delegation;
    this.since = now;
  }
}

/** Delegations that are recalled and not yet returned, and the CB_RECALLs for them. */
export class RecallQueue {
  readonly #clock: Clock;
  readonly #recalls = new Map<Delegation, Recall>();
  readonly #calls: UntilHeard<Recall>;
  #isClosed = false;

  constructor(options: RecallQueueOptions) {
    this.#clock = options.clock;
    this.#calls = new UntilHeard({
      ...options,
      // The lease time decides.
      refused: "a client refuses to return a delegation",
    });
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
    const now = this.#clock.now();
    const recall = new Recall(delegation, now);
    if (options.isWanted) recall.wantedAt = now;
    recall.isDelivered = options.isKnown;
    this.#recalls.set(delegation, recall);
    this.#calls.add(recall);
  }

  /** A recalled delegation is in the way from now on, if it was not before. */
  want(delegation: Delegation): void {
    const recall = this.#recalls.get(delegation);
    if (recall !== undefined) recall.wantedAt ??= this.#clock.now();
  }

  /** A delegation has ended, and is in no client's way any more. */
  end(delegation: Delegation): void {
    const recall = this.#recalls.get(delegation);
    if (recall === undefined) return;
    this.#recalls.delete(delegation);
    this.#calls.end(recall);
    for (const resolve of recall.waiting) resolve();
  }

  /** As {@linkcode UntilHeard.pathRegained}. */
  pathRegained(client: Client): Piecework | undefined {
    return this.#calls.pathRegained(client);
  }

  /** As {@linkcode UntilHeard.sendIfLost}. */
  sendIfLost(recall: Recall, retryAfter: number): boolean {
    return this.#calls.sendIfLost(recall, retryAfter);
  }

  /** As {@linkcode UntilHeard.sendWaiting}. */
  sendWaiting(): Piecework {
    return this.#calls.sendWaiting();
  }

  /** Sends nothing more, and lets all that wait go on. */
  close(): void {
    this.#isClosed = true;
    this.#calls.close();
    for (const { waiting } of this.#recalls.values()) {
      for (const resolve of waiting) resolve();
    }
    this.#recalls.clear();
  }
}
