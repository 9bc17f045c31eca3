import type { Clock } from "../base/clock.ts";
import { Status } from "../nfs4/constants.ts";
import type { Client } from "../state/client.ts";
import type {
  Delegation,
  HeldAttributes,
  HolderAnswer,
} from "../state/delegations.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../backchannel/callback_request.ts";
import { referringCalls } from "./referring_calls.ts";
import type { CallbackRouter } from "../backchannel/router.ts";

/** How {@linkcode HolderQueries} asks. */
export interface HolderQueriesOptions {
  /** The way to the clients. */
  readonly router: Pick<CallbackRouter, "send">;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  /** What that goes by. */
  readonly clock: Clock;
  /** Is told how many milliseconds a question has kept other clients waiting. */
  readonly waited: (holder: Client, ms: number) => void;
}

/** A question that was asked, and how to give it up. */
interface Asked {
  readonly answer: Promise<HolderAnswer | undefined>;
  readonly giveUp: () => void;
}

/**
 * CB_GETATTR: asks the holders of write delegations for size and change (RFC
 * 8881 10.4.3), and for times where that is theirs (RFC 9754), each one question at a time, however many clients want to know.
 */
export class HolderQueries {
  readonly #options: HolderQueriesOptions;
  readonly #asked = new Map<Delegation, Asked>();

  constructor(options: HolderQueriesOptions) {
    this.#options = options;
  }

  /** Questions that are out. */
  get size(): number {
    return this.#asked.size;
  }

  /** What the holder says; undefined when it says nothing in time. */
  ask(delegation: Delegation): Promise<HolderAnswer | undefined> {
    const asked = this.#asked.get(delegation);
    if (asked !== undefined) return asked.answer;
    const { router, timeout, clock, waited } = this.#options;
    const since = clock.now();
    const { promise, resolve } = Promise.withResolvers<
      HolderAnswer | undefined
    >();
    const { changesMade } = delegation;
    const finish = (held: HolderAnswer | undefined): void => {
      if (!this.#asked.delete(delegation)) return;
      cancel();
      waited(delegation.client, clock.now() - since);
      resolve(held);
    };
    const cancel = clock.schedule(() => finish(undefined), timeout);
    this.#asked.set(delegation, {
      answer: promise,
      giveUp: () => finish(undefined),
    });
    const { file: { file: { handle } }, times } = delegation;
    const isTimed = times !== undefined;
    router.send(delegation.client, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_GETATTR, { handle, isTimed }),
      ],
      referringCalls: () => referringCalls(delegation),
      wanted: () => this.#asked.has(delegation),
      done: (outcome) => finish(answerOf(outcome, changesMade)),
    });
    return promise;
  }

  /** Gives up all questions: no request waits any longer. */
  close(): void {
    for (const { giveUp } of [...this.#asked.values()]) giveUp();
  }
}

function answerOf(
  outcome: CallbackOutcome,
  changesMade: number,
): HolderAnswer | undefined {
  if (outcome.kind !== "answered") return undefined;
  const [result] = outcome.results;
  if (result?.status !== Status.OK) return undefined;
  return { ...result.value as HeldAttributes, changesMade };
}
