import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../backchannel/callback_request.ts";
import type { CallbackRouter } from "../backchannel/router.ts";
import type { SlotRecaller } from "../state/reply_limit.ts";
import type { Session } from "../state/session.ts";

/**
 * Asks clients that are silent just now to use fewer slots of a session (RFC 8881
 * 20.8): others hear it by SEQUENCE. So does, a while later, who can't be called.
 */
export class SlotRecalls implements SlotRecaller {
  readonly #router: Pick<CallbackRouter, "sendOver">;
  /** Sessions that are being told: one callback each. */
  readonly #told = new Set<Session>();

  /** `router`: the way to the clients. */
  constructor(router: Pick<CallbackRouter, "sendOver">) {
    this.#router = router;
  }

  /** Callbacks that are under way. */
  get size(): number {
    return this.#told.size;
  }

  /** {@inheritDoc SlotRecaller.recall} */
  recall(session: Session): void {
    const { slots, isPathUp, isPathProven } = session;
    if (!isPathUp || !isPathProven || this.#told.has(session)) return;
    const { target } = slots;
    this.#told.add(session);
    this.#router.sendOver(session, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_RECALL_SLOT, { target }),
      ],
      wanted: () => slots.target === target && slots.highest > target,
      done: (outcome) => this.#done(session, target, outcome),
    });
  }

  /** The target may be lower by now than what was said. */
  #done(session: Session, said: number, { kind }: CallbackOutcome): void {
    this.#told.delete(session);
    const isReached = kind === "answered" || kind === "stopped";
    if (isReached && session.slots.target < said) this.recall(session);
  }
}
