import { sleep } from "../base/timers.ts";
import type { CallbackOutcome, CallbackRequest } from "./callback_request.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** How {@linkcode tryCallback} goes about a callback. */
export interface CallbackAttempts {
  readonly policy: RetryPolicy;
  /** Whether it still has a point. */
  readonly request: Pick<CallbackRequest, "wanted">;
  /** Makes one attempt; resolves to nothing when there was no answer. */
  readonly attempt: () => Promise<CallbackOutcome | undefined>;
  /** Aborts when there is no way to the client any more, and will be none. */
  readonly ended: AbortSignal;
  /** Aborts when there is a new way, so that the next attempt need not wait. */
  readonly regained?: () => AbortSignal;
}

const STOPPED: CallbackOutcome = { kind: "stopped" };

/**
 * Tries a callback until it has an outcome, as often and after such waits as the
 * policy says. Never rejects: an error that is thrown on the way is the server's
 * own, and is logged.
 */
export async function tryCallback(
  callback: CallbackAttempts,
): Promise<CallbackOutcome> {
  const { policy, request, attempt, ended, regained } = callback;
  const { attempts, backoff, clock, observer, log } = policy;
  try {
    for (let made = 0; made < attempts; made++) {
      if (made > 0) {
        const ms = backoff[Math.min(made, backoff.length) - 1] ?? 0;
        const early = regained ? AbortSignal.any([ended, regained()]) : ended;
        await sleep(clock, ms, early);
      }
      if (ended.aborted || request.wanted?.() === false) return STOPPED;
      if (made > 0) observer?.recordRetry();
      const outcome = await attempt();
      if (outcome !== undefined) return outcome;
    }
    if (ended.aborted) return STOPPED;
    return { kind: "failed", reason: `no answer in ${attempts} attempts` };
  } catch (error) {
    log.error("a callback could not be made", { error });
    return { kind: "error" };
  }
}
