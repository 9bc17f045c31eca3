import type { CallbackOperation } from "../backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../backchannel/callback_request.ts";
import type { CallbackRouter, Routed } from "../backchannel/router.ts";
import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import { Status } from "../nfs4/constants.ts";
import type { Client } from "../state/client.ts";
import { RECALL_PIECES } from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import { type Granted, referringCalls } from "./referring_calls.ts";

/** What {@linkcode UntilHeard} works with. */
export interface UntilHeardOptions<Call> {
  /** The way to the clients. */
  readonly router: Pick<CallbackRouter, "isProven" | "send">;
  readonly clock: Clock;
  /** Milliseconds until a call goes out again that its client did not understand yet; 100, doubled each time. */
  readonly resend?: number | undefined;
  /** Is told when a client knows, or has refused to. */
  readonly heard?: ((call: Call) => void) | undefined;
  /** What a refusal is called in the log. */
  readonly refused: string;
  /** For clients that refuse. */
  readonly log?: Logger | undefined;
}

/** How soon a call that its client did not understand goes out again for the first time, in milliseconds. */
export const RESEND = 100;
/** How often it goes out again. */
export const MAX_RESENDS = 8;
/** How long it waits for that at most. */
export const LONGEST_RESEND = 5_000;

/** A callback that its client must hear, and how far that is. */
export class InsistentCall {
  readonly client: Client;
  /** What it is about, and the request that made it. */
  readonly about: Granted;
  readonly operation: CallbackOperation;
  /** Clock time of the last answer, good or bad. */
  heardAt: number;
  /** The client knows, or has refused to: it is not told again. */
  isDelivered = false;
  /** How often the client did not know what it was about. */
  resends = 0;
  /** Where it is on its way. */
  routed: Routed | undefined;
  isSending = false;
  cancelTimer: (() => void) | undefined;

  constructor(
    { client, about, operation, now }:
      & Pick<InsistentCall, "client" | "about" | "operation">
      & { readonly now: number },
  ) {
    this.client = client;
    this.about = about;
    this.operation = operation;
    this.heardAt = now;
  }
}

/**
 * Callbacks that go out again until their clients have heard them: when a path is
 * regained, after a while, and when a client says that it does not know yet what
 * they are about. A client gets as many at a time as its back channel takes; the
 * others wait here, without a timer of their own, until it has answered one.
 */
export class UntilHeard<Call extends InsistentCall> {
  readonly #options: UntilHeardOptions<Call>;
  readonly #perClient = new Map<Client, Set<Call>>();
  /** Clients whose calls are looked at for those that got lost, and whether that is to be done again. */
  readonly #regaining = new Map<Client, boolean>();
  /** Calls that wait until another callback of their client is done. */
  readonly #waitingForRoom = new Map<Client, Set<Call>>();
  #isClosed = false;

  constructor(options: UntilHeardOptions<Call>) {
    this.#options = options;
  }

  /** Keeps a call, and sends it unless its client knows already. */
  add(call: Call): void {
    if (this.#isClosed) return;
    const others = this.#perClient.get(call.client);
    if (others === undefined) this.#perClient.set(call.client, new Set([call]));
    else others.add(call);
    if (!call.isDelivered) this.#sendInTurn(call);
  }

  /** It is of no use any more. */
  end(call: Call): void {
    const others = this.#perClient.get(call.client);
    others?.delete(call);
    if (others?.size === 0) this.#perClient.delete(call.client);
    this.#leaveQueue(call);
    call.cancelTimer?.();
    call.cancelTimer = undefined;
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
        for (const call of this.#perClient.get(client) ?? []) {
          yield call.isDelivered ? LOOK : RECALL_PIECES;
          if (call.isDelivered || !this.#has(call)) continue;
          if (call.isSending) call.routed?.tryAnew();
          else this.#sendInTurn(call);
        }
      } while (this.#regaining.get(client));
    } finally {
      this.#regaining.delete(client);
    }
  }

  /** A call that has not ended goes out again where it has found no way for `retryAfter` milliseconds; returns whether it does. */
  sendIfLost(call: Call, retryAfter: number): boolean {
    const { isDelivered, isSending, cancelTimer, heardAt } = call;
    if (isDelivered || this.#options.clock.now() - heardAt < retryAfter) {
      return false;
    }
    const isQueued = this.#waitingForRoom.get(call.client)?.has(call);
    const isUnderWay = isSending || isQueued || cancelTimer !== undefined;
    if (isUnderWay || !this.#has(call)) return false;
    this.#sendInTurn(call);
    return true;
  }

  /** Sends calls that wait for room, where there is some again. */
  *sendWaiting(): Piecework {
    // One that finds none comes to stand at their end.
    for (const client of [...this.#waitingForRoom.keys()]) {
      while (this.#sendNext(client)) yield RECALL_PIECES;
      yield RECALL_PIECES;
    }
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const calls of this.#perClient.values()) {
      for (const call of calls) call.cancelTimer?.();
    }
    this.#perClient.clear();
    this.#waitingForRoom.clear();
  }

  #has(call: Call): boolean {
    return this.#perClient.get(call.client)?.has(call) ?? false;
  }

  /** Sends it, or has it wait behind those of its client that found no room. */
  #sendInTurn(call: Call): void {
    const queue = this.#waitingForRoom.get(call.client);
    if (queue === undefined) this.#send(call);
    else queue.add(call);
  }

  #send(call: Call): void {
    if (this.#isClosed || call.isSending) return;
    call.cancelTimer?.();
    call.cancelTimer = undefined;
    call.isSending = true;
    call.routed = this.#options.router.send(call.client, {
      operations: [call.operation],
      referringCalls: () => referringCalls(call.about),
      wanted: () => this.#has(call),
      done: (outcome) => this.#answered(call, outcome),
    });
  }

  #answered(call: Call, outcome: CallbackOutcome): void {
    const { clock, router } = this.#options;
    call.isSending = false;
    call.routed = undefined;
    call.heardAt = clock.now();
    // Only what came from the client says that there is room now.
    const isHeard = outcome.kind === "answered" || outcome.kind === "refused";
    if (isHeard) this.#sendNext(call.client);
    if (!this.#has(call)) return;
    switch (outcome.kind) {
      case "answered":
        return this.#judge(call, outcome.results[0]?.status);
      case "full": {
        const queue = this.#waitingForRoom.get(call.client) ?? new Set();
        this.#waitingForRoom.set(call.client, queue.add(call));
        return;
      }
      case "stopped":
        // Its session went; another may be there already.
        if (router.isProven(call.client)) this.#sendInTurn(call);
        return;
      default:
        // What is lost for now goes out again when a path is regained, or after a while.
        return;
    }
  }

  /** There may be room for one that had none; returns whether there was. */
  #sendNext(client: Client): boolean {
    for (const call of this.#waitingForRoom.get(client) ?? []) {
      this.#leaveQueue(call);
      this.#send(call);
      return call.isSending;
    }
    return false;
  }

  /** It does not wait for room any more. */
  #leaveQueue(call: Call): void {
    const queue = this.#waitingForRoom.get(call.client);
    queue?.delete(call);
    if (queue?.size === 0) this.#waitingForRoom.delete(call.client);
  }

  /** What the client says to the operation itself. */
  #judge(call: Call, status: number | undefined): void {
    const { resend = RESEND, log = silentLogger, refused } = this.#options;
    switch (status) {
      case Status.OK:
      // It has seen this very callback before, and did as it was told.
      case Status.RETRY_UNCACHED_REP:
      case Status.SEQ_FALSE_RETRY:
        return this.#delivered(call);
      case Status.DELAY:
      // The answer that made what it is about, or the client's own end of that, is on its way.
      case Status.BADHANDLE:
      case Status.BAD_STATEID:
        if (call.resends++ < MAX_RESENDS) {
          const wait = resend * 2 ** (call.resends - 1);
          return this.#later(call, Math.min(wait, LONGEST_RESEND));
        }
        break;
    }
    // A refusal is not asked again.
    log.info(refused, { status });
    this.#delivered(call);
  }

  #delivered(call: Call): void {
    call.isDelivered = true;
    this.#options.heard?.(call);
  }

  #later(call: Call, ms: number): void {
    call.cancelTimer = this.#options.clock.schedule(() => {
      call.cancelTimer = undefined;
      this.#sendInTurn(call);
    }, ms);
  }
}
