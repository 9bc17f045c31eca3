import { isIPv4, isIPv6 } from "node:net";

/** The one way to write an IP address: IPv4 also where it came mapped to IPv6, without a scope. Names stay as they are. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const [unscoped] = address.split("%");
  const hostname = new URL(`http://[${unscoped}]`).hostname.slice(1, -1);
  // An IPv4 address mapped to IPv6, as the URL writes it: ::ffff:7f00:1.
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(hostname);
  if (mapped === null) return hostname;
  return mapped.slice(1).map((word) => parseInt(word, 16))
    .map((word) => `${word >> 8}.${word & 0xff}`).join(".");
}

/** Whether an address, or the name "localhost", leads every host that asks back to itself. */
export function isLoopback(address: string): boolean {
  const canonical = canonicalAddress(address);
  return canonical === "::1" || canonical === "localhost" ||
    isIPv4(canonical) && canonical.startsWith("127.");
}

/** Whether an address is one of this host's. Asks the host (`--allow-sys`) where it isn't of loopback. */
export function isOwnAddress(address: string): boolean {
  if (isLoopback(address)) return true;
  const canonical = canonicalAddress(address);
  return Deno.networkInterfaces()
    .some((each) => canonicalAddress(each.address) === canonical);
}
