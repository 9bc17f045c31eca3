import type { Logger } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import { ClientRecovery } from "./client_recovery.ts";
import { ClientLog } from "./client_log.ts";

/** Options of {@linkcode openRecovery}. */
export interface RecoveryOptions {
  /** The server's folder. */
  readonly directory: string;
  /** The address that clients know the server by. */
  readonly hostname: string;
  /** The port that they know it by. */
  readonly port: number;
  /** Lease in milliseconds. */
  readonly leaseMs: number;
  /** Length of the grace period in milliseconds; see `ClientRecoveryOptions`. */
  readonly graceMs?: number | undefined;
  readonly clock: Clock;
  /** What an operator should know. */
  readonly log: Logger;
}

/**
 * Opens the records of the server at one address, in `clients/` of its folder,
 * so that servers at several addresses can share the folder. Undefined at port
 * 0: no client finds such a server again. Throws as `ClientLog` does.
 */
export function openRecovery(
  options: RecoveryOptions,
): ClientRecovery | undefined {
  const { directory, hostname, port, clock, log } = options;
  if (port === 0) return undefined;
  const address = `${hostname}_${port}`.replaceAll(/[^\w.-]/g, "_");
  const store = new ClientLog(`${directory}/clients/${address}.journal`, {
    clock,
    onDamage: (message) => log.error(message),
  });
  try {
    return new ClientRecovery({ ...options, store });
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}
