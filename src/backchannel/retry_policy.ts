import type { CallbackObserver } from "./callback_observer.ts";
import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import type { Complete } from "../base/option_names.ts";

/**
 * How often and how long a callback is tried; all can be left out. With a lease
 * shorter than 90 s the times that are left out are as much shorter.
 */
export interface CallbackTimes {
  /** Milliseconds until a reply is given up; 10,000. */
  readonly replyTimeout?: number | undefined;
  /** Attempts in all; 3. */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds to wait after each failed attempt but the last, as often as it
   * takes the last of them; 5,000, 10,000 and, where `attempts` are more, 20,000.
   */
  readonly backoff?: readonly number[] | undefined;
}

/** How long a reply is waited for with a lease of {@linkcode FULL_LEASE_MS} or more, in milliseconds. */
export const REPLY_TIMEOUT_MS = 10_000;
/** Attempts in all. */
export const ATTEMPTS = 3;
/**
 * The waits after failed attempts, in milliseconds; the last is for a fourth
 * attempt and those after it, where more are asked for.
 */
export const BACKOFF_MS = [5_000, 10_000, 20_000] as const;
/** The first wait after NFS4ERR_DELAY, in milliseconds. */
export const DELAY_MS = 20;
/** No answer takes longer on a network that is fit for use. */
const LEAST_TIMEOUT_MS = 250;
/** A lease with which times are whole, in milliseconds. */
export const FULL_LEASE_MS = 90_000;

/**
 * A time for a lease of 90 s, as long in proportion to a shorter one: a client
 * has to learn that its callbacks are lost while it can still do something
 * about it (RFC 7530 10.4.6).
 */
export function ofLease(ms: number, leaseMs: number): number {
  return ms * Math.min(1, leaseMs / FULL_LEASE_MS);
}

/** The same, with what they go by. */
export interface RetryOptions extends CallbackTimes {
  /** Length of a lease in milliseconds; 90,000. */
  readonly leaseMs?: number | undefined;
  /** Milliseconds to wait after NFS4ERR_DELAY, doubled each time; 20. */
  readonly delay?: number | undefined;
  /** What all of it goes by. */
  readonly clock: Clock;
  /** Is told of each callback. */
  readonly observer?: CallbackObserver | undefined;
  /** For errors of our own, and addresses that are not dialled; silent. */
  readonly log?: Logger | undefined;
}

/** The same with nothing left out but the observer. */
export type RetryPolicy =
  & Complete<Omit<RetryOptions, "observer">>
  & Pick<RetryOptions, "observer">;

/** Fills in what was left out. */
export function retryPolicyOf(options: RetryOptions): RetryPolicy {
  const { leaseMs = FULL_LEASE_MS } = options;
  const replyTimeout = ofLease(REPLY_TIMEOUT_MS, leaseMs);
  return {
    leaseMs,
    replyTimeout: options.replyTimeout ??
      Math.max(LEAST_TIMEOUT_MS, replyTimeout),
    attempts: options.attempts ?? ATTEMPTS,
    backoff: options.backoff ?? BACKOFF_MS.map((ms) => ofLease(ms, leaseMs)),
    delay: options.delay ?? DELAY_MS,
    clock: options.clock,
    observer: options.observer,
    log: options.log ?? silentLogger,
  };
}
