import type { Awaitable } from "../base/awaitable.ts";
import { type RandomBytes, systemRandom } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ClientRecovery } from "../recovery/client_recovery.ts";
import { openClientLog } from "../recovery/open_client_log.ts";
import type { RecordStore } from "../recovery/record_store.ts";
import {
  loadIdentity,
  newIdentity,
  type ServerIdentity,
} from "../recovery/server_identity.ts";
import {
  type KeptSessions,
  SessionRecovery,
} from "../recovery/session_recovery.ts";
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
  readonly clients: ClientRecovery | undefined;
  /** The sessions that the last start left; none where they can't persist. */
  readonly sessions: RecoveredSessions | undefined;
}

/** Sessions that go on after a restart. */
export interface RecoveredSessions {
  readonly recovery: SessionRecovery;
  /** What the last start left of them. */
  readonly kept: KeptSessions;
}

/**
 * Reads what the last start left, from stores that may be elsewhere; rejects
 * with what the host throws for a `stateDirectory` that can't be used.
 */
export async function recover(
  exports: readonly Export[],
  options: TimedOptions,
  log: Logger,
): Promise<Recovered> {
  // First, for the lock: what another server has is not to be read either.
  const records = recordsOf(options, log);
  try {
    const identity = await identityOf(options);
    const clients = records && await clientsOf(records, options, log);
    const sessions = records &&
      await sessionsOf(exports, { options, identity, log });
    return { identity, clients, sessions };
  } catch (error) {
    records?.[Symbol.dispose]();
    throw error;
  }
}

function recordsOf(
  options: TimedOptions,
  log: Logger,
): RecordStore | undefined {
  const { stateDirectory, clock } = options;
  if (stateDirectory === undefined) return undefined;
  const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
  const place = { directory: stateDirectory, hostname, port };
  return openClientLog(place, { clock, log });
}

async function clientsOf(
  records: RecordStore,
  options: TimedOptions,
  log: Logger,
): Promise<ClientRecovery> {
  const { graceSeconds } = options;
  return new ClientRecovery({
    store: records,
    left: await records.load(),
    leaseMs: leaseOf(options),
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1000,
    log,
  });
}

/** The same after a restart where there is a folder to keep it in. */
function identityOf(
  { stateDirectory, random = systemRandom }: {
    readonly stateDirectory?: string | undefined;
    readonly random?: RandomBytes | undefined;
  },
): Awaitable<ServerIdentity> {
  return stateDirectory === undefined
    ? newIdentity(random)
    : loadIdentity(stateDirectory, random);
}

/**
 * Keeps the sessions of a server that finds its clients again; undefined where
 * that can't be done together with the files (RFC 8881 2.10.6.5): whatever can be
 * changed must be in one store, which keeps what it promises.
 */
async function sessionsOf(
  exports: readonly Export[],
  { options, identity, log }: {
    readonly options: ServeOptions;
    readonly identity: ServerIdentity;
    readonly log: Logger;
  },
): Promise<RecoveredSessions | undefined> {
  if (options.persistentSessions === false) return undefined;
  const writable = exports.filter(({ readOnly }) => !readOnly);
  const [fs, ...others] = new Set(writable.map(({ fs }) => fs));
  if (fs === undefined || others.length > 0) return undefined;
  const { records, stats } = fs;
  const isDurable = stats !== undefined && stats.durability !== "none";
  if (records === undefined || !isDurable) return undefined;
  const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
  const server = `${identity.name} ${hostname} ${port}`;
  const recovery = new SessionRecovery({ records, fs, server, log });
  return { recovery, kept: await recovery.load() };
}
