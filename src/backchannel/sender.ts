import type { StatusCode } from "../nfs4/constants.ts";
import { type BackSlot, BackSlots } from "./back_slots.ts";
import type { CallbackChannel } from "./callback_channel.ts";
import { CallbackQueue } from "./callback_queue.ts";
import type {
  CallbackOutcome,
  CallbackRequest,
  SenderSession,
} from "./callback_request.ts";
import {
  callOnSlot,
  settleSlot,
  type SlotCall,
  type SlotCallOutcome,
} from "./slot_call.ts";

/** Is told of each callback; see `BackchannelMetrics`. */
export interface SenderObserver {
  /** A callback was answered. */
  recordCallback(): void;
  /** A callback was given up. */
  recordFailure(): void;
  /** A callback goes out again. */
  recordRetry(): void;
  /** Seconds from enqueue to answer. */
  observeDuration(seconds: number): void;
  /** Each operation of a callback, with its status. */
  recordOperation(name: string, status: StatusCode): void;
}

/** Times and limits of a {@linkcode BackchannelSender}; all can be left out. */
export interface SenderOptions {
  /** Callbacks that wait for a slot; 64. */
  readonly queueLimit?: number;
  /** Milliseconds until a reply is given up; 10,000. */
  readonly replyTimeout?: number;
  /** Attempts in all; 3. */
  readonly attempts?: number;
  /** Milliseconds to wait after each failed attempt; 5,000, 10,000, 20,000. */
  readonly backoff?: readonly number[];
  /** Waits; ends early when `signal` aborts. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
  /** Is told of each callback. */
  readonly observer?: SenderObserver;
  /** Called when callbacks fail although there is a path, and when they work again. */
  readonly faulty?: (fault: boolean) => void;
}

const BACKOFF = [5_000, 10_000, 20_000];

/** A request in the queue, and since when. */
interface Queued {
  readonly request: CallbackRequest;
  readonly since: number;
}

/**
 * Sends the callbacks of one session, as many at once as its back channel has
 * slots. A callback keeps its slot and sequence ID through all attempts, so that
 * the client carries it out once (RFC 8881 2.10.6.1); each attempt has an XID
 * of its own. Lives as long as the session's back channel.
 */
export class BackchannelSender {
  readonly #session: SenderSession;
  readonly #options: Required<Omit<SenderOptions, "observer" | "faulty">>;
  readonly #observer: SenderObserver | undefined;
  readonly #faulty: (fault: boolean) => void;
  readonly #queue: CallbackQueue<Queued>;
  readonly #slots: BackSlots;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #pathChanged = new AbortController();

  /** Starts at once. */
  constructor(session: SenderSession, options: SenderOptions = {}) {
    this.#session = session;
    this.#options = {
      queueLimit: options.queueLimit ?? 64,
      replyTimeout: options.replyTimeout ?? 10_000,
      attempts: options.attempts ?? 3,
      backoff: options.backoff ?? BACKOFF,
      sleep: options.sleep ?? sleep,
      now: options.now ?? (() => performance.now()),
    };
    this.#observer = options.observer;
    this.#faulty = options.faulty ?? (() => {});
    this.#queue = new CallbackQueue(this.#options.queueLimit);
    this.#slots = new BackSlots(session.slots);
    this.#running = this.#run();
  }

  /** Callbacks that wait for a slot. */
  get queueDepth(): number {
    return this.#queue.size;
  }

  /**
   * Takes a callback; false, at once, when the queue is full or the sender has
   * stopped. A full queue says nothing about the path.
   */
  enqueue(request: CallbackRequest): boolean {
    return this.#queue.push({ request, since: this.#options.now() });
  }

  /** A connection was bound to the back channel: whoever waits tries again now. */
  pathRegained(): void {
    this.#pathChanged.abort();
    this.#pathChanged = new AbortController();
  }

  /** Ends with the session: every request is answered "stopped"; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { request } of this.#queue.close()) {
      request.done({ kind: "stopped" });
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    for await (const queued of this.#queue) {
      const slot = await this.#slots.acquire(this.#stopping.signal);
      const sent = this.#send(queued, slot);
      inFlight.add(sent);
      sent.finally(() => inFlight.delete(sent));
    }
    await Promise.all(inFlight);
  }

  /** Never rejects. */
  async #send(queued: Queued, slot: BackSlot | undefined): Promise<void> {
    const { request, since } = queued;
    let outcome: CallbackOutcome = { kind: "stopped" };
    if (slot !== undefined) {
      outcome = await this.#deliver(request, slot);
      this.#slots.release(slot);
    }
    if (outcome.kind === "answered") {
      this.#observer?.recordCallback();
      this.#observer?.observeDuration((this.#options.now() - since) / 1000);
    } else if (outcome.kind !== "stopped") {
      this.#observer?.recordFailure();
    }
    // An answer proves the path, even when the client did not like the question.
    if (outcome.kind !== "stopped") this.#faulty(outcome.kind !== "answered");
    request.done(outcome);
  }

  async #deliver(
    request: CallbackRequest,
    slot: BackSlot,
  ): Promise<CallbackOutcome> {
    const { attempts, backoff, sleep } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) {
        const wait = backoff[Math.min(attempt, backoff.length) - 1] ?? 0;
        await sleep(wait, AbortSignal.any([signal, this.#pathChanged.signal]));
      }
      if (signal.aborted) break;
      if (attempt > 0) this.#observer?.recordRetry();
      const outcome = await this.#attempt(request, slot);
      if (outcome !== "unanswered") return outcome;
    }
    slot.uncertain = true;
    return signal.aborted
      ? { kind: "stopped" }
      : { kind: "failed", reason: `no answer in ${attempts} attempts` };
  }

  /** One attempt: over the preferred connection and, when that fails, at once over another one. */
  async #attempt(
    request: CallbackRequest,
    slot: BackSlot,
  ): Promise<SlotCallOutcome> {
    const tried = new Set<CallbackChannel>();
    while (tried.size < 2 && !this.#stopping.signal.aborted) {
      const channel = this.#session.channels().find((one) => !tried.has(one));
      if (channel === undefined) break;
      if (tried.size > 0) this.#observer?.recordRetry();
      tried.add(channel);
      const outcome = await this.#callOver(channel, request, slot);
      if (outcome !== "unanswered") return outcome;
    }
    return "unanswered";
  }

  async #callOver(
    channel: CallbackChannel,
    request: CallbackRequest,
    slot: BackSlot,
  ): Promise<SlotCallOutcome> {
    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(),
      this.#options.replyTimeout,
    );
    const call: SlotCall = {
      session: this.#session,
      slots: this.#slots,
      slot,
      channel,
      signal: AbortSignal.any([timeout.signal, this.#stopping.signal]),
      operation: (name, status) =>
        this.#observer?.recordOperation(name, status),
    };
    try {
      const unfit = slot.uncertain ? await settleSlot(call) : undefined;
      return unfit ?? await callOnSlot(call, request);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits `ms` milliseconds, or until `signal` aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
