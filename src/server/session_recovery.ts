import type { Logger } from "../base/log.ts";
import type { ServerIdentity } from "../recovery/server_identity.ts";
import { SessionRecovery } from "../recovery/session_recovery.ts";
import type { Export } from "../vfs/exports.ts";
import { DEFAULT_PORT, type ServeOptions } from "./options.ts";

/**
 * Keeps the sessions of a server that finds its clients again; undefined where
 * that can't be done together with the files (RFC 8881 2.10.6.5): whatever can be
 * changed must be in one store, which keeps what it promises.
 */
export function sessionRecoveryOf(
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
