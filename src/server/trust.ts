import { isLoopback, isOwnAddress } from "../host/address.ts";
import { privilegedBelow } from "../host/privileged_ports.ts";
import {
  canTellOwners,
  hostTables,
  SocketOwners,
} from "../host/socket_owners.ts";
import { SubordinateIds } from "../host/subordinate_ids.ts";
import { HostUsers } from "../host/users.ts";
import type { Logger } from "../base/log.ts";
import { servedFlavors } from "../rpc/flavors.ts";
import type { Introduce, Newcomer } from "../rpc/introduction.ts";
import { endpointText, isTcp } from "../rpc/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { Export, ExportOptions } from "../vfs/exports.ts";
import type { Trust } from "../vfs/file_system.ts";
import { type Bearer, strictestOf, voucherFor } from "../vfs/trust.ts";

/** What a host can tell of callers. */
export interface HostKnowledge {
  /** Whether it tells whose its sockets are. */
  readonly tellsOwners: boolean;
  /** Below which port only root may take one; 0: none. */
  readonly privilegedBelow: number;
}

/** What this host can tell this process. */
export function hostKnowledge(): HostKnowledge {
  return {
    tellsOwners: canTellOwners(),
    privilegedBelow: privilegedBelow(),
  };
}

/**
 * The terms of an export, where it leaves them to the server. Throws an Error of
 * one line where nothing can speak for callers as it has to.
 */
export function completeTerms(
  options: ExportOptions,
  { hostname = "127.0.0.1", host }: {
    readonly hostname?: string | undefined;
    readonly host: HostKnowledge;
  },
): ExportOptions {
  return {
    ...options,
    trust: trustOf(options, host),
    squash: options.squash ?? (isLoopback(hostname) ? "none" : "root"),
  };
}

function trustOf(
  { path, fs, trust }: ExportOptions,
  host: HostKnowledge,
): Trust {
  const wanted = trust ?? fs.trust ?? "any";
  if (wanted === "any") return wanted;
  if (wanted === "owner") {
    if (host.tellsOwners) return wanted;
    if (trust !== undefined) {
      throw new Error(
        `export ${path}: trust=owner needs Linux and deno's -A; there are trust=port and trust=any`,
      );
    }
  }
  if (host.privilegedBelow > 0) return "port";
  throw new Error(
    `export ${path}: this host can't tell who calls; trust=any believes everybody`,
  );
}

/** What an operator should know of the callers that a server believes. */
export function trustNotices(
  exports: readonly Export[],
  asked: readonly ExportOptions[],
  hostname: string,
): readonly string[] {
  const notices = [];
  const isFallback = exports.some(({ trust }, i) =>
    trust === "port" && asked[i]!.trust === undefined
  );
  if (isFallback) {
    notices.push(
      "the host does not say who calls: only callers from ports that are root's are believed (trust=port)",
    );
  }
  const open = exports.filter(({ squash }) => squash !== "all");
  if (!isLoopback(hostname) && open.length > 0) {
    const asRoot = open.filter(({ squash }) => squash === "none");
    const paths = asRoot.map(({ path }) => path).join(", ");
    notices.push(
      `listening beyond loopback, and AUTH_SYS proves nothing: whoever reaches the port may be any user${
        asRoot.length === 0 ? " but root" : `, and root on ${paths}`
      }`,
    );
  }
  return notices;
}

/** Whether the host is asked who root is, for whom a part of all that has a limit is kept then. */
export function tellsRoot(exports: readonly Export[]): boolean {
  return exports.some(({ trust }) => trust === "owner");
}

/**
 * Finds out whose a connection is, and has its flavours judge the callers by that;
 * `undefined` where every caller is believed.
 */
export function buildIntroduce(
  exports: readonly Export[],
  { clock, log, subordinates = new SubordinateIds({ clock }) }: {
    readonly clock: Clock;
    readonly log: Logger;
    /** Whose the users of containers are; what this host says if left out. */
    readonly subordinates?: Pick<SubordinateIds, "ownerOf">;
  },
): Introduce | undefined {
  const strictest = strictestOf(exports.map(({ trust }) => trust));
  if (strictest === "any") return undefined;
  const limit = privilegedBelow();
  const findHolder = strictest === "owner"
    ? holderFinder(clock)
    : () => undefined;
  return async (newcomer) => {
    const { peer } = newcomer;
    const holder = await findHolder(newcomer);
    const uid = typeof holder === "object" ? holder.uid : undefined;
    const bearer = {
      holder,
      isPrivileged: peer.port !== undefined && peer.port < limit,
    };
    log.debug("who may speak on a connection", {
      peer: endpointText(peer),
      holder: uid ?? holder,
      isPrivileged: bearer.isPrivileged,
    });
    return {
      // Its containers are judged by their own rights, and count as its own.
      uid: uid === undefined ? undefined : await subordinates.ownerOf(uid),
      flavors: servedFlavors(voucherFor(bearer, strictest)),
    };
  };
}

type FindHolder = (
  newcomer: Newcomer,
) => Bearer["holder"] | Promise<Bearer["holder"]>;

function holderFinder(clock: Clock): FindHolder {
  const owners = new SocketOwners(hostTables(clock));
  const users = new HostUsers({ clock });
  return async ({ peer, local, isGone }) => {
    // The host has no table of whose the other end of a Unix socket is.
    if (!isTcp(peer) || !isTcp(local)) return undefined;
    // Only this host reaches its loopback, whatever address it calls from: all
    // of a network may be its own (ip-route(8), type local).
    const isOwn = isLoopback(local.hostname) || isOwnAddress(peer.hostname);
    if (!isOwn) return "elsewhere";
    const uid = await owners.find(peer, local, isGone);
    return uid === undefined ? undefined : await users.find(uid);
  };
}
