import type { StatusCode } from "../nfs4/constants.ts";
import type { CallbackOutcome } from "./callback_request.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** Is told of each callback; see `BackchannelMetrics`. */
export interface CallbackObserver {
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

/** Tells the observer what became of a callback that was enqueued at `since`. */
export function reportOutcome(
  { observer, clock }: RetryPolicy,
  outcome: CallbackOutcome,
  since: number,
): void {
  if (outcome.kind === "answered") {
    observer?.recordCallback();
    observer?.observeDuration((clock.now() - since) / 1000);
  } else if (outcome.kind !== "stopped" && outcome.kind !== "full") {
    observer?.recordFailure();
  }
}
