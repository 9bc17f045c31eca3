import { type RandomBytes, systemRandom } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ClientRecovery } from "../recovery/client_recovery.ts";
import { openRecovery } from "../recovery/open_recovery.ts";
import {
  loadIdentity,
  newIdentity,
  type ServerIdentity,
} from "../recovery/server_identity.ts";
import { SessionRecovery } from "../recovery/session_recovery.ts";
import type { Export } from "../vfs/exports.ts";
import {
  DEFAULT_PORT,
  leaseOf,
  type ServeOptions,
  type TimedOptions,
} from "./options.ts";

/** What a server finds again when it starts anew. */
export interface Recovered {
  /** The server's identity. */
  readonly identity: ServerIdentity;
  /** The clients that the last start left; none without a `stateDirectory`. */
  readonly recovery: ClientRecovery | undefined;
  /** The sessions that the last start left; none where they can't persist. */
  readonly sessions: SessionRecovery | undefined;
}

/** Opens what the last start left; throws what the host does for a `stateDirectory` that can't be used. */
export function recover(
  exports: readonly Export[],
  options: TimedOptions,
  log: Logger,
): Recovered {
  const recovery = recoveryOf(options, log);
  try {
    const identity = identityOf(options);
    const sessions = recovery &&
      sessionRecoveryOf(exports, { options, identity, log });
    return { identity, recovery, sessions };
  } catch (error) {
    recovery?.[Symbol.dispose]();
    throw error;
  }
}

function recoveryOf(
  options: TimedOptions,
  log: Logger,
): ClientRecovery | undefined {
  const { stateDirectory, graceSeconds } = options;
  if (stateDirectory === undefined) return undefined;
  return openRecovery({
    directory: stateDirectory,
    hostname: options.hostname ?? "127.0.0.1",
    port: options.port ?? DEFAULT_PORT,
    leaseMs: leaseOf(options),
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1000,
    clock: options.clock,
    log,
  });
}

/** The same after a restart where there is a folder to keep it in. */
function identityOf(
  { stateDirectory, random = systemRandom }: {
    readonly stateDirectory?: string | undefined;
    readonly random?: RandomBytes | undefined;
  },
): ServerIdentity {
  return stateDirectory === undefined
    ? newIdentity(random)
    : loadIdentity(stateDirectory, random);
}

/**
 * Keeps the sessions of a server that finds its clients again; undefined where
 * that can't be done together with the files (RFC 8881 2.10.6.5): whatever can be
 * changed must be in one store, which keeps what it promises.
 */
function sessionRecoveryOf(
  exports: readonly Export[],
  { options, identity, log }: {
    readonly options: ServeOptions;
    readonly identity: ServerIdentity;
    readonly log: Logger;
  },
): SessionRecovery | undefined {
  if (options.persistentSessions === false) return undefined;
  const writable = exports.filter(({ readOnly }) => !readOnly);
  const [store, ...others] = new Set(writable.map(({ fs }) => fs));
  if (store === undefined || others.length > 0) return undefined;
  const { records, stats } = store;
  const isDurable = stats !== undefined && stats.durability !== "none";
  if (records === undefined || !isDurable) return undefined;
  const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
  const server = `${identity.name} ${hostname} ${port}`;
  return new SessionRecovery({ records, store, server, log });
}
