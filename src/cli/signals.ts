/** Bits of the signals that may stay ignored, in a mask of Linux. */
const BITS: ReadonlyMap<Deno.Signal, bigint> = new Map([
  ["SIGHUP", 1n],
  ["SIGINT", 2n],
]);
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  // The end of a terminal session is a clean end too: nothing is left to reload.
  : ["SIGINT", "SIGTERM", "SIGHUP"];
/** Where Linux says which signals a process ignores. */
const STATUS = "/proc/self/status";

/**
 * Has signals do what they are to do to any command. Returns those that the process
 * was started to ignore, as `nohup` does with SIGHUP, and a script's shell with
 * SIGINT for what it runs in the background. They stay ignored, but SIGTERM:
 * something has to end a server well. Comes before any other listener, with which
 * Deno takes over these signals and ends the process.
 */
export function prepareSignals(): ReadonlySet<Deno.Signal> {
  const mask = ignoredMask();
  const ignored = new Set<Deno.Signal>();
  for (const [signal, bit] of BITS) {
    if ((mask & bit) === 0n) continue;
    ignored.add(signal);
    Deno.addSignalListener(signal, () => {});
  }
  // Beyond a limit of file sizes (ulimit -f) a write is to fail, and not to end the process.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  return ignored;
}

/** The first of the signals that stop the server and are not `ignored`. */
export function untilSignal(
  ignored: ReadonlySet<Deno.Signal>,
): Promise<Deno.Signal> {
  const heard = SIGNALS.filter((signal) => !ignored.has(signal));
  return new Promise((resolve) => {
    const listeners = heard.map((signal) => {
      const listener = () => {
        // A second signal ends the process at once, as without us.
        for (const [name, each] of listeners) {
          Deno.removeSignalListener(name, each);
        }
        resolve(signal);
      };
      Deno.addSignalListener(signal, listener);
      return [signal, listener] as const;
    });
  });
}

/** A bit for each signal that is ignored; none where the host does not say. */
function ignoredMask(): bigint {
  const { state } = Deno.permissions.querySync({ name: "read", path: STATUS });
  if (state !== "granted") return 0n;
  try {
    const text = Deno.readTextFileSync(STATUS);
    return BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(text)?.[1] ?? "0"}`);
  } catch {
    // Not Linux, or not with all permissions.
    return 0n;
  }
}
