import { isIPv4, isIPv6 } from "node:net";
import { canonicalAddress, isLoopback } from "../host/address.ts";

/** Where a universal address leads. */
export interface InternetAddress {
  /** An address, never a name. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
}

const PORT = /^(.+)\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/**
 * Reads a universal address of TCP (RFC 5665 5.2.3): the address and, behind two
 * more dots, the bytes of the port. `undefined` for whatever is no such thing.
 */
export function parseUniversalAddress(
  netid: string,
  address: string,
): InternetAddress | undefined {
  const match = PORT.exec(address);
  if (match === null) return undefined;
  const [, hostname = "", high, low] = match;
  const port = Number(high) * 256 + Number(low);
  if (Number(high) > 255 || Number(low) > 255 || port === 0) return undefined;
  if (netid === "tcp") return isIPv4(hostname) ? { hostname, port } : undefined;
  // A scope would be the client's own interface, which means nothing here.
  const isAddress = netid === "tcp6" && isIPv6(hostname) &&
    !hostname.includes("%");
  return isAddress ? { hostname, port } : undefined;
}

/** Whether two addresses are the same host, or both this one. */
export function isSameHost(a: string, b: string): boolean {
  return canonicalAddress(a) === canonicalAddress(b) ||
    isLoopback(a) && isLoopback(b);
}
