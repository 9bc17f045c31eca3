import type { CallbackTimes } from "../backchannel/retry_policy.ts";
import type { AllowCallbackAddress } from "../backchannel/dial_out.ts";
import type { Logger } from "../base/log.ts";
import type { ServerLimits } from "./limits.ts";
import type { Clock, RandomBytes } from "../base/clock.ts";

/** How `serve` serves. */
export interface ServeOptions {
  /** Address to listen on; 127.0.0.1 if left out. */
  readonly hostname?: string | undefined;
  /** TCP port; 2049 if left out, 0 takes a free one. */
  readonly port?: number | undefined;
  /** TCP port of `/metrics`, `/healthz` and `/readyz`, 0 takes a free one; none if left out. */
  readonly metricsPort?: number | undefined;
  /** Seconds that a silent client keeps its state for sure; 90 if left out. */
  readonly leaseSeconds?: number | undefined;
  /**
   * Seconds beyond that which it keeps what no other client wants, before its
   * state is dropped; a day if left out.
   */
  readonly courtesySeconds?: number | undefined;
  /**
   * Seconds in which clients may reclaim after a restart, where some held
   * anything; if left out as long as the longest lease that they know of.
   */
  readonly graceSeconds?: number | undefined;
  /**
   * Folder that keeps the server's identity, so that filehandles are good after
   * a restart, and its clients by address and port (but for port 0), so that
   * they can reclaim. If left out both end with the server.
   */
  readonly stateDirectory?: string | undefined;
  /**
   * Whether sessions survive a restart, with the answers to all that was
   * changed (RFC 8881 2.10.6.5), where that can be: there is a `stateDirectory`,
   * and all that can be written to is in one durable store. They do if left out.
   */
  readonly persistentSessions?: boolean | undefined;
  /** Whether clients get delegations; they do if left out. */
  readonly delegations?: boolean | undefined;
  /**
   * Which addresses are dialled for the callbacks of NFSv4.0 clients, which
   * name them; if left out only the address that the client itself came from.
   */
  readonly allowCallbackAddress?: AllowCallbackAddress | undefined;
  /** Times and attempts of callbacks, where they are not the usual ones. */
  readonly callbacks?: CallbackTimes | undefined;
  /** How much clients may use; `defaultServerLimits` where left out. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /**
   * Milliseconds that a call of a file system may take; 60,000 if left out. A
   * client that waits for longer is told to try again (NFS4ERR_DELAY), whatever
   * becomes of the call. Its last calls, when the server is closed, may take no
   * longer either.
   */
  readonly fileSystemTimeout?: number | undefined;
  /** Milliseconds for requests in flight when the server is closed; 10,000 if left out. */
  readonly shutdownTimeout?: number | undefined;
  /** What an operator should know; nothing if left out. */
  readonly log?: Logger | undefined;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What all that the server waits for or lets run out goes by: leases, grace,
   * callbacks, sweeps, the times of connections and of closing. If left out the
   * machine's clock without the times in which the server was stopped. With a
   * test's own all of that happens when the test moves it.
   */
  readonly clock?: Clock | undefined;
  /** Ids and verifiers are made of it, in place of the system's randomness; for tests. */
  readonly random?: RandomBytes | undefined;
}

/** The options with the one clock that all of a server goes by. */
export type TimedOptions = ServeOptions & { readonly clock: Clock };

/** Between two looks for what has run out, in milliseconds. */
export const SWEEP_INTERVAL_MS = 1_000;
/** The port of NFS. */
export const DEFAULT_PORT = 2049;
/** How long requests in flight may take when the server is closed, in milliseconds. */
export const DEFAULT_SHUTDOWN_MS = 10_000;
/** How long a call of a file system may take, in milliseconds. */
export const DEFAULT_FILE_SYSTEM_MS = 60_000;
const DEFAULT_LEASE_SECONDS = 90;

/** Length of a lease in milliseconds. */
export function leaseOf({ leaseSeconds }: ServeOptions): number {
  return (leaseSeconds ?? DEFAULT_LEASE_SECONDS) * 1000;
}

/**
 * How long a client's state outlives its lease where no other client wants it,
 * in milliseconds; undefined for the usual time.
 */
export function courtesyOf(
  { courtesySeconds }: ServeOptions,
): number | undefined {
  return courtesySeconds === undefined ? undefined : courtesySeconds * 1000;
}
