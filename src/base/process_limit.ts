/** Largest size that a number tells. */
const MOST = Number.MAX_SAFE_INTEGER;
/** Descriptors that every system gives. */
const DESCRIPTORS = 1024;

/**
 * The largest file in bytes that this process may make: RLIMIT_FSIZE
 * (setrlimit(2)). Beyond it SIGXFSZ ends the process, unless it listens for that.
 */
export function processLimit(): number {
  return Math.min(softLimit("Max file size") ?? MOST, MOST);
}

/** Descriptors that this process may have: RLIMIT_NOFILE. */
export function mostDescriptors(): number {
  return softLimit("Max open files") ?? DESCRIPTORS;
}

/** One of the limits of this process; `undefined` where there is none, or the host does not say. */
function softLimit(name: string): number | undefined {
  try {
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const [, soft] = new RegExp(`^${name}\\s+(\\d+)`, "m").exec(limits) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // No /proc, or not allowed to read it.
    return undefined;
  }
}
