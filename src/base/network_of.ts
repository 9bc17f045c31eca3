/** All of 127.0.0.0/8, and ::1. */
const LOOPBACK = "127";

/**
 * What counts as one address where things are shared out: an IPv4 address, or the
 * first 64 bits of an IPv6 address, all the rest of which any host may choose;
 * of loopback all addresses, which are one host's, and its users take any.
 */
export function networkOf(hostname: string): string {
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
