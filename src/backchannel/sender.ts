import { reportOutcome } from "./callback_observer.ts";
import {
  type RetryOptions,
  type RetryPolicy,
  retryPolicyOf,
} from "./retry_policy.ts";
import { type BackSlot, BackSlots } from "./back_slots.ts";
import type { CallbackChannel } from "./callback_channel.ts";
import type { CallbackOperation } from "./callback_ops.ts";
import { CallbackQueue } from "./callback_queue.ts";
import type {
  CallbackOutcome,
  CallbackRequest,
  SenderSession,
} from "./callback_request.ts";
import { Jobs } from "../base/jobs.ts";
import { sleep, withTimeout } from "../base/timers.ts";
import { tryCallback } from "./retry_loop.ts";
import {
  callOnSlot,
  operationsOnSlot,
  type SlotCallOutcome,
} from "./slot_call.ts";

/** Times and limits of a {@linkcode BackchannelSender}; all can be left out. */
export interface SenderOptions extends RetryOptions {
  /** Callbacks that wait for a slot; 64. */
  readonly queueLimit?: number;
  /** Called with what a callback, or an attempt at one, says of the path. */
  readonly judged?: (verdict: PathVerdict) => void;
}

/**
 * What callbacks say of their path: it works; it is silent, which an attempt that
 * was not answered says; or it is faulty: they fail although it is there.
 */
export type PathVerdict = "works" | "silent" | "faulty";

const QUEUE_LIMIT = 64;
/** The longest wait after NFS4ERR_DELAY, in milliseconds. */
export const LONGEST_DELAY = 1_000;

/** A request in the queue, and since when. */
interface Queued {
  readonly request: CallbackRequest;
  readonly since: number;
}

/** A request that has a slot; its operations are the same in all attempts. */
interface Sending {
  readonly request: CallbackRequest;
  readonly slot: BackSlot;
  operations?: readonly CallbackOperation[] | undefined;
}

/**
 * Sends the callbacks of one session, as many at once as its back channel has
 * slots. A callback keeps its slot and sequence ID through all attempts, so that
 * the client carries it out once (RFC 8881 2.10.6.1); each attempt has an XID
 * of its own. Lives as long as the session's back channel.
 */
export class BackchannelSender {
  readonly #session: SenderSession;
  readonly #policy: RetryPolicy;
  readonly #judged: (verdict: PathVerdict) => void;
  readonly #queue: CallbackQueue<Queued>;
  readonly #slots: BackSlots;
  readonly #jobs: Jobs;
  #inFlight = 0;
  /** Out of the queue, and without a slot yet. */
  #next: CallbackRequest | undefined;
  #pathChanged = new AbortController();

  /** Starts at once. */
  constructor(session: SenderSession, options: SenderOptions) {
    this.#session = session;
    this.#policy = retryPolicyOf(options);
    this.#jobs = new Jobs({ name: "a callback", log: this.#policy.log });
    this.#judged = options.judged ?? (() => {});
    this.#queue = new CallbackQueue(options.queueLimit ?? QUEUE_LIMIT);
    this.#slots = new BackSlots(session.slots, session.isRestored);
    this.#jobs.begin(() => this.#run());
  }

  /** Callbacks that wait for a slot. */
  get queueDepth(): number {
    return this.#queue.size;
  }

  /** Callbacks that have a slot, or are about to. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Takes a callback; false, at once, when the queue is full or the sender has
   * stopped. A full queue says nothing about the path.
   */
  enqueue(request: CallbackRequest): boolean {
    return this.#queue.push({ request, since: this.#policy.clock.now() });
  }

  /** A connection was bound to the back channel: callbacks that wait try again now. */
  pathRegained(): void {
    this.#pathChanged.abort();
    this.#pathChanged = new AbortController();
  }

  /** Ends with the session: every request is answered "stopped"; resolves when nothing is left. */
  async stop(): Promise<void> {
    const stopped = this.#jobs.stop();
    for (const { request } of this.#queue.close()) {
      request.done({ kind: "stopped" });
    }
    await stopped;
  }

  async #run(): Promise<void> {
    for await (const queued of this.#queue) {
      this.#inFlight++;
      this.#next = queued.request;
      const slot = await this.#slots.acquire(this.#jobs.signal);
      this.#next = undefined;
      this.#jobs.begin(() => this.#send(queued, slot));
    }
  }

  async #send(
    { request, since }: Queued,
    slot: BackSlot | undefined,
  ): Promise<void> {
    let outcome: CallbackOutcome = { kind: "stopped" };
    if (slot !== undefined) {
      outcome = await this.#deliver({ request, slot });
      this.#slots.release(slot);
    }
    this.#inFlight--;
    reportOutcome(this.#policy, outcome, since);
    // An answer proves the path, even when the client did not like the question.
    if (outcome.kind === "answered") this.#judged("works");
    else if (outcome.kind === "refused" || outcome.kind === "failed") {
      this.#judged("faulty");
    }
    request.done(outcome);
  }

  /** Never rejects. */
  async #deliver(sending: Sending): Promise<CallbackOutcome> {
    const { request, slot } = sending;
    return await tryCallback({
      policy: this.#policy,
      request: {
        // What the client may have seen has to be settled, wanted or not, before
        // its slot is of use; and only an answer says that the path works.
        wanted: () => isLeftOpen(sending, slot) || request.wanted?.() !== false,
      },
      attempt: async () => {
        const outcome = await this.#attempt(sending);
        if (outcome === undefined) this.#unanswered(request);
        return outcome;
      },
      ended: this.#jobs.signal,
      regained: () => this.#pathChanged.signal,
    });
  }

  /** An attempt at `request` was not answered: neither will those be that wait behind it. */
  #unanswered(request: CallbackRequest): void {
    this.#judged("silent");
    request.unanswered?.();
    this.#next?.unanswered?.();
    for (const { request } of this.#queue.items()) request.unanswered?.();
  }

  /** One attempt: over the preferred connection and, when that fails, at once over another one. */
  async #attempt(sending: Sending): Promise<CallbackOutcome | undefined> {
    const { clock, observer, replyTimeout, delay } = this.#policy;
    const { signal } = this.#jobs;
    const tried = new Set<CallbackChannel>();
    const until = this.#policy.clock.now() + replyTimeout;
    let wait = delay;
    let again = false;
    while (tried.size < 2 && !signal.aborted) {
      const channel = this.#session.channels().find((one) => !tried.has(one));
      if (channel === undefined) break;
      if (again) observer?.recordRetry();
      again = true;
      const outcome = await this.#callOver(channel, sending);
      if (typeof outcome !== "string") return outcome;
      if (outcome === "unanswered") tried.add(channel);
      else if (this.#policy.clock.now() >= until) break;
      else {
        await sleep(clock, wait, signal);
        wait = Math.min(wait * 2, LONGEST_DELAY);
      }
    }
    return undefined;
  }

  #callOver(
    channel: CallbackChannel,
    sending: Sending,
  ): Promise<SlotCallOutcome> {
    const { replyTimeout: ms, clock, observer } = this.#policy;
    const { slot, request } = sending;
    const parts = {
      session: this.#session,
      slots: this.#slots,
      slot,
      channel,
      operation: observer?.recordOperation.bind(observer),
    };
    return withTimeout(async (signal) => {
      const call = { ...parts, signal };
      if (
        slot.unsettled !== undefined && slot.unsettled !== sending.operations
      ) {
        const settled = await callOnSlot(call, slot.unsettled);
        if (typeof settled === "string" || settled.kind !== "answered") {
          return settled;
        }
      }
      sending.operations ??= operationsOnSlot(call, request);
      if (sending.operations === undefined) return { kind: "too-big" };
      return await callOnSlot(call, sending.operations);
    }, { ms, signal: this.#jobs.signal, clock });
  }
}

/** Whether it is not known what became of an attempt at it. */
function isLeftOpen({ operations }: Sending, slot: BackSlot): boolean {
  return operations !== undefined && slot.unsettled === operations;
}
