import type { Endpoint } from "./transport.ts";

/** All of 127.0.0.0/8, and ::1. */
const LOOPBACK = "127";
/** In front of the uid of a user of this host. */
const USER = "user ";

/**
 * The party of a connection, among which all that has a limit is shared out: the
 * user of this host who holds the peer's end, by whichever of its addresses it
 * came, or else the network of the peer's address.
 */
export function partyOf({ hostname }: Endpoint, uid?: number): string {
  return uid === undefined ? networkOf(hostname) : `${USER}${uid}`;
}

/** Root of this host, by what the host says. */
export const ROOT = partyOf({ hostname: "", port: 0 }, 0);

/** The part of all that has a limit which is root's, whatever the others hold. */
export const ROOT_PART = 1 / 16;

/** Whether a party is root of this host. */
export function isRoot(party: string): boolean {
  return party === ROOT;
}

/**
 * How much of `limit` is kept for root of this host: a party is easily made, and
 * no number of them is to keep its mounts out.
 */
export function keptForRoot(limit: number): number {
  return limit === Infinity ? 0 : Math.floor(limit * ROOT_PART);
}

/**
 * Whether one party gives way to another: a user of this host to its root, who
 * could end what the user does anyway, and whose mounts no user is to keep out.
 */
export function givesWayTo(party: string, other: string): boolean {
  return isRoot(other) && !isRoot(party) && party.startsWith(USER);
}

/**
 * An IPv4 address, or the first 64 bits of an IPv6 address, all the rest of which
 * any host may choose; of loopback all addresses, which are one host's, and its
 * users take any.
 */
function networkOf(hostname: string): string {
  if (!hostname.includes(":")) return networkOfIPv4(hostname);
  const mapped = hostname.lastIndexOf(":") + 1;
  if (hostname.includes(".")) return networkOfIPv4(hostname.slice(mapped));
  if (hostname === "::1") return LOOPBACK;
  const [head = "", tail] = hostname.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const behind = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + behind < 8) groups.push("0");
    if (behind > 0) groups.push(...tail.split(":"));
  }
  return groups.slice(0, 4).join(":");
}

function networkOfIPv4(hostname: string): string {
  return hostname.startsWith("127.") ? LOOPBACK : hostname;
}
