import { isIPv4, isIPv6 } from "node:net";

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
  const [, hostname, high, low] = match;
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
  const [x, y] = [canonical(a), canonical(b)];
  return x === y || isLoopback(x) && isLoopback(y);
}

function canonical(address: string): string {
  if (!isIPv6(address)) return address;
  const [unscoped] = address.split("%");
  const { hostname } = new URL(`http://[${unscoped}]`);
  // An IPv4 address mapped to IPv6, as the URL writes it: [::ffff:7f00:1].
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(hostname);
  if (mapped === null) return hostname;
  return mapped.slice(1).map((word) => parseInt(word, 16))
    .map((word) => `${word >> 8}.${word & 0xff}`).join(".");
}

function isLoopback(canonical: string): boolean {
  return canonical === "[::1]" ||
    isIPv4(canonical) && canonical.startsWith("127.");
}
