const USUAL = 1_024;

/** Below which port only root may take one; 0 where any user may take any. */
export function privilegedBelow(): number {
  if (Deno.build.os === "windows") return 0;
  if (Deno.build.os !== "linux") return USUAL;
  const path = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  // Asked first: a missing permission would otherwise prompt on a terminal.
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted") return USUAL;
  try {
    return Math.min(USUAL, Number(Deno.readTextFileSync(path)));
  } catch {
    // Deno wants all permissions for /proc.
    return USUAL;
  }
}
