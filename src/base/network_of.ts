/**
 * What counts as one address where state is shared out: an IPv4 address, or the
 * first 64 bits of an IPv6 address, all the rest of which any host may choose.
 */
export function networkOf(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  const mapped = hostname.lastIndexOf(":") + 1;
  if (hostname.includes(".")) return hostname.slice(mapped);
  const [head = "", tail] = hostname.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const behind = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + behind < 8) groups.push("0");
    if (behind > 0) groups.push(...tail.split(":"));
  }
  return groups.slice(0, 4).join(":");
}
