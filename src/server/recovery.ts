import type { Awaitable } from "../base/awaitable.ts";
import { type RandomBytes, systemRandom } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ClientRecovery } from "../recovery/client_recovery.ts";
import { LastServer } from "../recovery/last_server.ts";
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
import { DEFAULT_PORT, leaseOf, type TimedOptions } from "./options.ts";

/** What a server finds again when it starts anew. */
export interface Recovered {
  /** The server's identity. */
  readonly identity: ServerIdentity;
  /** The clients that the last start left; none without a `stateDirectory`. */
  readonly clients: ClientRecovery | undefined;
  /** The sessions that the last start left; none where they can't persist. */
  readonly sessions: RecoveredSessions | undefined;
  /** Tells the stores whose they are now. */
  readonly lastServer: LastServer;
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
    const server = serverName(identity, options);
    const lastServer = await LastServer.look({
      stores: exports.map(({ fs }) => fs),
      server,
      flush: () => records?.flush(),
      clock: options.clock,
      log,
    });
    const found = { options, server, lastServer, log };
    const clients = records && await clientsOf(records, found);
    const sessions = records && await sessionsOf(exports, found);
    return { identity, clients, sessions, lastServer };
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

/** What a start finds, before it looks at what is left of clients. */
interface Found {
  readonly options: TimedOptions;
  /** Names the server: see {@linkcode serverName}. */
  readonly server: string;
  readonly lastServer: LastServer;
  readonly log: Logger;
}

/** Names a server among all that share a folder for state, or a store; the same over restarts. */
function serverName(
  { name }: ServerIdentity,
  { hostname = "127.0.0.1", port = DEFAULT_PORT }: TimedOptions,
): string {
  return `${name} ${hostname} ${port}`;
}

async function clientsOf(
  records: RecordStore,
  { options, lastServer, log }: Found,
): Promise<ClientRecovery> {
  const { graceSeconds } = options;
  let left = await records.load();
  if (lastServer.isAnother && left.length > 0) {
    log.warn(
      "another server or an import was at a store since: clients can't reclaim what they held",
      { clients: left.length },
    );
    for (const record of left) records.delete(record);
    left = [];
  }
  return new ClientRecovery({
    store: records,
    left,
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
  { options, server, lastServer, log }: Found,
): Promise<RecoveredSessions | undefined> {
  if (options.persistentSessions === false) return undefined;
  const writable = exports.filter(({ readOnly }) => !readOnly);
  const [fs, ...others] = new Set(writable.map(({ fs }) => fs));
  if (fs === undefined || others.length > 0) return undefined;
  const { records, stats } = fs;
  const isDurable = stats !== undefined && stats.durability !== "none";
  if (records === undefined || !isDurable) return undefined;
  const recovery = new SessionRecovery({ records, fs, server, log });
  const kept = await recovery.load();
  return { recovery, kept: lastServer.isAnother ? recovery.drop(kept) : kept };
}
